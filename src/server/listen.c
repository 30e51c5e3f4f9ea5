/* Where the server listens: a TCP address, whose real port becomes known here, and the socket in the state folder. */
#include "base/log.h"
#include "server/impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum err listen_tcp(struct server *s, int *ret_fd, struct errinfo *ei)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound;
    socklen_t n = sizeof bound;
    struct str host = {0}, port = {0};
    char host_text[260], port_text[8];
    int fd = -1, yes = 1, e;
    bool v6;

    memset(&bound, 0, sizeof bound);
    (void)uri_host(str_of(s->o.listen), &host, &port);
    (void)snprintf(host_text, sizeof host_text, STR_FMT, STR_ARG(str_eq(host, S("localhost")) ? S("127.0.0.1") : host));
    (void)snprintf(port_text, sizeof port_text, STR_FMT, STR_ARG(port));
    e = getaddrinfo(host_text, port_text, &hints, &found);
    if (e)
        return fail(ei, ERR_CONFIG, "\"%s\" is not an address to listen on: %s", s->o.listen, gai_strerror(e));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) ||
        bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 1024) || getsockname(fd, &bound.any, &n)) {
        fail(ei, errno == EADDRINUSE ? ERR_CONFLICT : ERR_CONFIG, "%s: %s", s->o.listen, strerror(errno));
        if (ei && ei->code == ERR_CONFLICT)
            (void)fail_hint(ei, "another program listens there; end it, or choose another \"listen\"");
        if (fd >= 0)
            close(fd);
        freeaddrinfo(found);
        return ei ? ei->code : ERR_CONFIG;
    }
    freeaddrinfo(found);
    v6 = bound.any.sa_family == AF_INET6;
    (void)snprintf(s->url, sizeof s->url, "%s://%s%s%s:%d", s->o.tls_cert ? "https" : "http", v6 ? "[" : "", host_text,
                   v6 ? "]" : "", ntohs(v6 ? bound.v6.sin6_port : bound.v4.sin_port));
    *ret_fd = fd;
    return OK;
}

/* A socket file that nobody answers at is left from a process that died. */
static enum err clear_stale(const struct sockaddr_un *sa, struct errinfo *ei)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int answered = fd >= 0 ? connect(fd, (const struct sockaddr *)sa, sizeof *sa) : -1;
    int e = errno;

    if (fd >= 0)
        close(fd);
    if (answered == 0) {
        fail(ei, ERR_CONFLICT, "another process serves this project (%s answers)", sa->sun_path);
        return fail_hint(ei, "end it first");
    }
    if (e == ECONNREFUSED && unlink(sa->sun_path) && errno != ENOENT)
        return fail(ei, ERR_DISK, "%s cannot be removed: %s", sa->sun_path, strerror(errno));
    return OK;
}

enum err listen_local(const struct server *s, char **ret_path, int *ret_fd, struct errinfo *ei)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t n = strlen(s->o.state_dir) + sizeof "/serve.sock";
    int fd;

    *ret_fd = -1;
    if (n > sizeof sa.sun_path) {
        log_warn("the path of the project is too long for a socket: commands cannot ask this process");
        return OK;
    }
    (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/serve.sock", s->o.state_dir);
    if (clear_stale(&sa, ei))
        return ei ? ei->code : ERR_CONFLICT;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* before it listens nobody can connect, so the rights are there in time */
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof sa) || chmod(sa.sun_path, 0600) || listen(fd, 64)) {
        fail(ei, errno == EADDRINUSE ? ERR_CONFLICT : ERR_DISK, "%s: %s", sa.sun_path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return ei ? ei->code : ERR_DISK;
    }
    *ret_path = mem_alloc(n);
    memcpy(*ret_path, sa.sun_path, n);
    *ret_fd = fd;
    return OK;
}
