/* Handlers of the API, by the file that has them; api.c has the table. */
#ifndef APP_API_IMPL_H
#define APP_API_IMPL_H

#include "app/serving.h"

#define HANDLER(name) void name(void *serving, const struct http_call *call, struct http_answer *ret)

/* api.c */
bool api_name(const struct serving *s, const struct http_call *call, struct http_answer *ret, struct str *ret_name);
const char *api_option(const struct http_call *call, const char *option, const char *param);

/* api_tasks.c: what an integration does and is asked to do */
HANDLER(api_get_overview);
HANDLER(api_get_integration);
HANDLER(api_get_series);
HANDLER(api_post_run);
HANDLER(api_post_stop);
HANDLER(api_post_pause);
HANDLER(api_post_resume);
HANDLER(api_post_replay);
HANDLER(api_post_audit);
HANDLER(api_post_cursor);
HANDLER(api_get_job);

/* api_dead.c: dead letters, and the log */
HANDLER(api_get_dead);
HANDLER(api_get_letter);
HANDLER(api_put_dead);
HANDLER(api_post_retry);
HANDLER(api_post_drop);
HANDLER(api_get_log);

/* api_metadata.c: documents and their versions */
HANDLER(api_get_metadata);
HANDLER(api_put_metadata);
HANDLER(api_post_metadata_check);
HANDLER(api_post_metadata_preview);
HANDLER(api_get_versions);
HANDLER(api_get_version);
HANDLER(api_post_rollback);

/* api_alerts.c */
HANDLER(api_get_alerts);
HANDLER(api_get_alert_history);
HANDLER(api_get_alert_rules);
HANDLER(api_get_alert_channels);
HANDLER(api_get_silences);
HANDLER(api_post_silence);
HANDLER(api_delete_silence);
HANDLER(api_post_channel_test);

/* api_connections.c */
HANDLER(api_get_connections);
HANDLER(api_post_connection_test);
HANDLER(api_put_connection_secret);

#endif
