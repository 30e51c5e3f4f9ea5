/* What robots and webhooks are sent, and what their replies mean. Pure. */
#ifndef WATCH_ALERT_ROBOT_H
#define WATCH_ALERT_ROBOT_H

#include "watch/alert_core.h"

/* DingTalk: base64(HMAC-SHA256(secret, "timestamp\nsecret")), timestamp in milliseconds. Appends. Source: DingTalk,
 * custom robot, security settings. */
void dingtalk_sign(struct str secret, int64_t timestamp_ms, struct buf *out);
/* Feishu: base64(HMAC-SHA256("timestamp\nsecret", "")), timestamp in seconds. Source: Feishu, custom bot. */
void feishu_sign(struct str secret, int64_t timestamp_s, struct buf *out);
/* "sha256=<hex HMAC-SHA256 of the body>". */
void webhook_sign(struct str secret, struct str body, struct buf *out);

/* The channel with its references resolved. */
struct robot_target {
    int type; /* enum channel_type */
    struct str url, secret, keyword;
    struct strs at;
};
struct robot_message {
    struct buf url, body;
};
/* Appends address and body of a message for a channel over HTTP, now. `key`: for webhooks of several alerts. */
void robot_request(const struct robot_target *t, const struct message_context *c, const struct digest_list *d,
                   struct str key, struct robot_message *ret);
/* What the reply of such a channel means: the status and, for robots, the code in the body. */
void robot_judge(int type, int status, int64_t retry_after_s, struct str body, struct verdict *ret);

#endif
