/* SPDX-License-Identifier: Apache-2.0 */
/* Turns host names and paths into socket addresses, and back into text. */
#include <arpa/inet.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "loop/real.h"

bool real_address_of(const char *host, int port, bool any, struct real_address *ret)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&ret->bytes;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret->bytes;

    memset(ret, 0, sizeof *ret);
    if (!strcmp(host, "localhost") || (!*host && !any))
        host = "127.0.0.1";
    if (any && (!*host || !strcmp(host, "*")))
        host = "::";
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        ret->len = sizeof *four;
        return true;
    }
    if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        ret->len = sizeof *six;
        return true;
    }
    return false;
}

int real_address_of_path(const char *path, struct real_address *ret, struct err *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&ret->bytes;

    memset(ret, 0, sizeof *ret);
    if (!*path || strlen(path) >= sizeof un->sun_path)
        return err_set(err, ERR_INVALID, "unix socket path \"%.200s\" must have 1 to %zu bytes",
                       path, sizeof un->sun_path - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, strlen(path) + 1);
    ret->len = sizeof *un;
    return 0;
}

void real_address_text(const struct sockaddr *bytes, char *ret, size_t room)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)bytes;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)bytes;
    char host[INET6_ADDRSTRLEN] = "?";

    switch (bytes->sa_family) {
    case AF_INET:
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(ret, room, "%s:%u", host, ntohs(four->sin_port));
        break;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
            inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, host, sizeof host);
            snprintf(ret, room, "%s:%u", host, ntohs(six->sin6_port));
        } else {
            inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
            snprintf(ret, room, "[%s]:%u", host, ntohs(six->sin6_port));
        }
        break;
    default:
        snprintf(ret, room, "unix");
    }
}

static bool is_worth_naming(const struct ifaddrs *one)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)one->ifa_addr;

    if (!one->ifa_addr || one->ifa_flags & IFF_LOOPBACK)
        return false;
    if (one->ifa_addr->sa_family == AF_INET)
        return true;
    return one->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

size_t loop_own_addresses(char (*ret)[64], size_t room, struct err *err)
{
    struct ifaddrs *all = NULL, *one;
    size_t count = 0;

    if (getifaddrs(&all) < 0) {
        err_set(err, ERR_INTERNAL,
                "this machine's addresses cannot be listed: %s (is AF_NETLINK "
                "missing in RestrictAddressFamilies of the systemd unit?)",
                strerror(errno));
        return 0;
    }
    for (one = all; one && count < room; one = one->ifa_next) {
        if (!is_worth_naming(one))
            continue;
        if (one->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)one->ifa_addr)->sin_addr, ret[count++], 64);
        else
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)one->ifa_addr)->sin6_addr, ret[count++],
                      64);
    }
    freeifaddrs(all);
    return count;
}

/* ------------------------------------------------------------- name servers */

struct real_names {
    struct real_loop *real;
    real_names_fn *fn; /* NULL: the caller has freed its request */
    void *arg;
    struct evdns_getaddrinfo_request *request;
    struct real_address found[REAL_ADDRESSES];
    size_t count;
    const char *problem;
};

/* Queued, so that the caller has its handle before the result; freed here in any case. */
static void names_tell(void *arg)
{
    struct real_names *names = arg;

    if (names->fn)
        names->fn(names->found, names->count, names->problem, names->arg);
    mem_free(&names);
}

/* evdns may answer from within the question, so the news wait a turn. */
static void names_found(int result, struct evutil_addrinfo *list, void *arg)
{
    struct real_names *names = arg;
    struct evutil_addrinfo *one;

    names->request = NULL;
    if (result)
        names->problem = evutil_gai_strerror(result);
    for (one = list; one && names->count < REAL_ADDRESSES; one = one->ai_next) {
        struct real_address *to = &names->found[names->count++];

        memcpy(&to->bytes, one->ai_addr, one->ai_addrlen);
        to->len = (socklen_t)one->ai_addrlen;
    }
    if (list)
        evutil_freeaddrinfo(list);
    loop_later(&names->real->loop, names_tell, names);
}

struct real_names *real_names_resolve(struct real_loop *real, const char *host, int port,
                                      real_names_fn *fn, void *arg)
{
    struct real_names *names = mem_alloc(sizeof *names);
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    struct evdns_getaddrinfo_request *request;
    char service[12];

    *names = (struct real_names){.real = real, .fn = fn, .arg = arg};
    if (!real->names)
        real->names = evdns_base_new(real->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                     EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!real->names) {
        names->problem = "no name server is configured";
        loop_later(&real->loop, names_tell, names);
        return names;
    }
    snprintf(service, sizeof service, "%d", port);
    request = evdns_getaddrinfo(real->names, host, service, &hints, names_found, names);
    if (request)
        names->request = request;
    return names;
}

/* evdns calls names_found() for a cancelled request too, which queues the freeing. */
void real_names_free(struct real_names **at)
{
    struct real_names *names = take(*at);

    if (!names)
        return;
    names->fn = NULL;
    if (names->request)
        evdns_getaddrinfo_cancel(names->request);
}
