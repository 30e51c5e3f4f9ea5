/* The server's beginning and end. What may not be served is refused here, before anything listens: an address that
 * others reach needs accounts and an encrypted way. */
#include "server/server.h"

#include "base/digest.h"
#include "base/log.h"
#include "base/product.h"
#include "server/impl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_address(struct str host)
{
    char text[64];
    struct in6_addr a;

    if (str_eq(host, S("localhost")))
        return true;
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

static enum err check_listen(struct server *s, struct errinfo *ei)
{
    const struct server_options *o = &s->o;
    struct str port;

    if (!uri_host(str_of(o->listen), &s->host, &port) || !port.n || !is_address(s->host)) {
        fail(ei, ERR_CONFIG, "\"%s\" is not an address to listen on", o->listen);
        return fail_hint(ei, "write it as \"127.0.0.1:8420\", \"[::1]:8420\" or \"0.0.0.0:8420\"");
    }
    s->loopback = uri_is_loopback(s->host);
    if (!o->tls_cert != !o->tls_key)
        return fail(ei, ERR_CONFIG, "\"tls\" needs both \"cert\" and \"key\"");
    return OK;
}

/* What an address that others reach must have. */
static enum err check_exposed(struct server *s, struct errinfo *ei)
{
    const struct server_options *o = &s->o;

    if (s->loopback)
        return OK;
    if (!o->tls_cert && !o->behind_proxy) {
        fail(ei, ERR_CONFIG, "%s can be reached by others, and passwords would pass in clear", o->listen);
        return fail_hint(ei,
                         "give \"tls\": {\"cert\", \"key\"} in sluice.json, or \"behind_proxy\": true when a proxy in "
                         "front speaks TLS, or listen on 127.0.0.1");
    }
    if (users_count(s->users) == 0) {
        fail(ei, ERR_CONFIG, "%s can be reached by others, and there is no account yet", o->listen);
        return fail_hint(ei, "`" PRODUCT " user add NAME --role admin` makes one");
    }
    return OK;
}

static void random_hex(char out[SESSION_TEXT])
{
    uint8_t bytes[32];

    random_bytes(bytes, sizeof bytes);
    hex_lower(bytes, sizeof bytes, out);
}

enum err server_new(const struct server_options *o, struct server **ret, struct errinfo *ei)
{
    struct server *s = mem_zero(sizeof *s);
    size_t n = strlen(o->state_dir) + sizeof "/audit.jsonl";
    char *path = mem_alloc(n);
    enum err err;

    s->o = *o;
    s->clock = o->clock ? o->clock : &clock_system;
    s->secure = o->tls_cert || o->behind_proxy;
    random_hex(s->csrf);
    random_hex(s->setup);
    (void)snprintf(path, n, "%s/audit.jsonl", o->state_dir);
    err = check_listen(s, ei);
    err = err ? err : users_open(o->users_path, &s->users, ei);
    err = err ? err : check_exposed(s, ei);
    err = err ? err : audit_open(path, s->clock, &s->audit, ei);
    free(path);
    if (err) {
        server_free(s);
        return err;
    }
    s->sessions = sessions_new(s->clock, s->users);
    s->limiter = limiter_new(s->clock);
    s->streams = streams_new(&(struct streams_calls){transport_suspend, transport_resume, transport_cut_late, s});
    s->transport = transport_new(s);
    *ret = s;
    return OK;
}

enum err server_start(struct server *s, struct errinfo *ei)
{
    enum err err = transport_start(s, ei);

    if (err) {
        server_stop(s);
        return err;
    }
    if (users_count(s->users) == 0)
        log_info("there is no account yet: the first admin is made at %s with the token %s", s->url, s->setup);
    return OK;
}

const char *server_url(const struct server *s)
{
    return s->url;
}

void server_stop(struct server *s)
{
    atomic_store(&s->stopping, true);
    if (s->transport)
        transport_stop(s->transport);
}

void server_free(struct server *s)
{
    if (!s)
        return;
    server_stop(s);
    transport_free(s->transport);
    streams_free(s->streams);
    limiter_free(s->limiter);
    sessions_free(s->sessions);
    audit_close(s->audit);
    users_close(s->users);
    free(s);
}

void server_publish(struct server *s, const char *name, struct str integration, struct str json)
{
    streams_publish(s->streams, name, integration, json);
}

void server_figures(struct server *s, struct server_figures *ret)
{
    *ret = (struct server_figures){.requests = atomic_load(&s->requests),
                                   .refused = atomic_load(&s->refused),
                                   .errors = atomic_load(&s->errors),
                                   .connections = transport_connections(s->transport),
                                   .streams = streams_clients(s->streams),
                                   .resyncs = streams_resyncs(s->streams)};
}
