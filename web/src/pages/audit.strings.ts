import { strings } from '../i18n.ts';

export const words = strings(
  {
    title: 'Audit',
    sub: 'Who did what. Each entry carries the hash of the one before it: none can be changed or taken away unseen.',
    at: 'At',
    user: 'Who',
    address: 'From',
    what: 'What',
    status: 'Answer',
    before: 'Before',
    after: 'After',
    hash: 'Hash',
    local: 'local',
    none: 'Nothing was done so far',
  },
  {
    title: '审计',
    sub: '谁做了什么。每条记录都带有前一条的哈希：任何修改或删除都会被发现。',
    at: '时间',
    user: '用户',
    address: '来自',
    what: '操作',
    status: '结果',
    before: '之前',
    after: '之后',
    hash: '哈希',
    local: '本机',
    none: '还没有任何操作',
  },
);
