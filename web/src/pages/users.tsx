// Accounts and API tokens.
import { type JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, type Role, send, useApi } from '../api.ts';
import { useStrings } from '../i18n.ts';
import { Badge, Card, type Column, confirm, Dialog, Empty, Failure, Icon, Page, SelectField, Table, TextField, toast, toastError, Waiting } from '../ui/index.ts';
import { shortTime } from '../ui/format.ts';
import { common } from '../ui/strings.ts';
import { words } from './users.strings.ts';

interface User {
  name: string;
  role: Role;
  created?: string | null;
}
interface Token {
  id: string | number;
  name: string;
  role: Role;
  created: string;
  used: string | null;
}

function useRoles(): readonly (readonly [Role, string])[] {
  const c = useStrings(common);
  return [['viewer', c.role_viewer], ['operator', c.role_operator], ['admin', c.role_admin]];
}

function RoleBadge({ role }: { role: Role }): JSX.Element {
  const c = useStrings(common);
  return <Badge tone={role === 'admin' ? 'odd' : role === 'operator' ? 'info' : 'quiet'}>{c[`role_${role}`] ?? role}</Badge>;
}

function UserDialog({ user, first, onClose }: { user: User | null; first: boolean; onClose: (changed: boolean) => void }): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const [name, setName] = useState(user?.name ?? '');
  const [role, setRole] = useState<string>(user?.role ?? (first ? 'admin' : 'viewer'));
  const [password, setPassword] = useState('');
  const short = password !== '' && password.length < 10;
  const save = (event: Event): void => {
    event.preventDefault();
    const done = user
      ? send('PUT', address('/users/:name', { name: user.name }), { role, ...(password && { password }) })
      : send('POST', '/api/v1/users', { name, role, password });
    done.then(() => {
      toast(t.user_saved);
      onClose(true);
    }, toastError);
  };
  return (
    <Dialog title={user ? user.name : t.add_user} onClose={() => onClose(false)} actions={
      <>
        <button type="button" class="button" onClick={() => onClose(false)}>{c.cancel}</button>
        <button form="user" class="button primary" disabled={short || !name || (!user && !password)}>{c.save}</button>
      </>
    }>
      <form id="user" class="fields" onSubmit={save}>
        {!user && <TextField label={t.name} value={name} onInput={setName} required autofocus />}
        <SelectField label={t.role} value={role} onChange={setRole} options={useRoles()} help={first ? t.first_admin : undefined} />
        <TextField label={user ? t.new_password : t.password} type="password" autocomplete="new-password" value={password} onInput={setPassword} help={user ? t.keep_password : t.password_help} error={short ? t.too_short : null} required={!user} />
      </form>
    </Dialog>
  );
}

function TokenDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const t = useStrings(words);
  const c = useStrings(common);
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [made, setMade] = useState('');
  const make = (event: Event): void => {
    event.preventDefault();
    send<{ token: string }>('POST', '/api/v1/tokens', { name, role }).then((answer) => setMade(answer.token), toastError);
  };
  return (
    <Dialog title={t.add_token} onClose={onClose} actions={
      made ? <button type="button" class="button primary" onClick={onClose}>{c.close}</button> : (
        <>
          <button type="button" class="button" onClick={onClose}>{c.cancel}</button>
          <button form="token" class="button primary" disabled={!name}>{t.add_token}</button>
        </>
      )
    }>
      {made ? (
        <div class="stack">
          <p>{t.token_once}</p>
          <p class="note tone-info"><code class="token">{made}</code></p>
          <div><button type="button" class="button small" onClick={() => void navigator.clipboard.writeText(made).then(() => toast(t.copied), toastError)}>{t.copy}</button></div>
        </div>
      ) : (
        <form id="token" class="fields" onSubmit={make}>
          <TextField label={t.name} value={name} onInput={setName} required autofocus />
          <SelectField label={t.role} value={role} onChange={setRole} options={useRoles()} />
        </form>
      )}
    </Dialog>
  );
}

function Tokens(): JSX.Element {
  const t = useStrings(words);
  const { data, error, reload } = useApi<{ tokens: Token[] }>('/api/v1/tokens');
  const [open, setOpen] = useState(false);
  const remove = async (token: Token): Promise<void> => {
    if (!(await confirm({ title: t.remove_token(token.name), body: <p>{t.remove_token_text}</p>, action: t.remove, danger: true }))) return;
    await send('DELETE', address('/tokens/:id', { id: token.id })).then(() => toast(t.user_removed), toastError);
    reload();
  };
  const columns: Column<Token>[] = [
    { key: 'name', head: t.name, cell: (k) => <strong>{k.name}</strong> },
    { key: 'role', head: t.role, cell: (k) => <RoleBadge role={k.role} /> },
    { key: 'created', head: t.created, wide: true, cell: (k) => shortTime(k.created) },
    { key: 'used', head: t.used, wide: true, cell: (k) => (k.used ? shortTime(k.used) : t.never) },
    { key: 'remove', head: <span class="visually-hidden">{t.remove}</span>, numeric: true, cell: (k) => <button type="button" class="button small" onClick={() => void remove(k)}>{t.remove}<span class="visually-hidden"> {k.name}</span></button> },
  ];
  return (
    <Card title={t.tokens} flush actions={<button type="button" class="button small" onClick={() => setOpen(true)}><Icon name="plus" size={14} />{t.add_token}</button>}>
      {error && !data && <Failure error={error} retry={reload} />}
      {!data && !error && <Waiting lines={2} />}
      {data && <Table label={t.tokens} columns={columns} items={data.tokens} id={(k) => k.id} empty={<Empty icon="key" title={t.no_tokens}>{t.no_tokens_text}</Empty>} />}
      {open && <TokenDialog onClose={() => {
        setOpen(false);
        reload();
      }} />}
    </Card>
  );
}

export default function UsersPage(): JSX.Element {
  const t = useStrings(words);
  const { data, error, reload } = useApi<{ users: User[] }>('/api/v1/users');
  const [open, setOpen] = useState<User | 'new'>();
  const remove = async (user: User): Promise<void> => {
    if (!(await confirm({ title: t.remove_user(user.name), body: <p>{t.remove_user_text}</p>, action: t.remove, danger: true }))) return;
    await send('DELETE', address('/users/:name', { name: user.name })).then(() => toast(t.user_removed), toastError);
    reload();
  };
  const columns: Column<User>[] = [
    { key: 'name', head: t.name, cell: (u) => <strong>{u.name}</strong> },
    { key: 'role', head: t.role, cell: (u) => <RoleBadge role={u.role} /> },
    { key: 'created', head: t.created, wide: true, cell: (u) => shortTime(u.created) },
    {
      key: 'act', head: <span class="visually-hidden">{t.edit}</span>, numeric: true,
      cell: (u) => (
        <span class="row end">
          <button type="button" class="button small" onClick={() => setOpen(u)}>{t.edit}<span class="visually-hidden"> {u.name}</span></button>
          <button type="button" class="button small" onClick={() => void remove(u)}>{t.remove}<span class="visually-hidden"> {u.name}</span></button>
        </span>
      ),
    },
  ];
  return (
    <Page title={t.title}>
      <Card title={t.users} flush actions={<button type="button" class="button small" onClick={() => setOpen('new')}><Icon name="plus" size={14} />{t.add_user}</button>}>
        {error && !data && <Failure error={error} retry={reload} />}
        {!data && !error && <Waiting lines={3} />}
        {data && <Table label={t.users} columns={columns} items={data.users} id={(u) => u.name} empty={<Empty icon="users" title={t.no_users}>{t.no_users_text}</Empty>} />}
      </Card>
      <Tokens />
      {open && <UserDialog user={open === 'new' ? null : open} first={!data?.users.length} onClose={(changed) => {
        setOpen(undefined);
        if (changed) reload();
      }} />}
    </Page>
  );
}
