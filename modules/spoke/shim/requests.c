/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the agent's requests and does them. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stop_each(struct shim *shim, const char *name, int64_t grace)
{
    for (size_t i = 0; i < shim->count; i++)
        if (!*name || !strcmp(shim->containers[i].name, name))
            shim_container_stop(&shim->containers[i], grace);
}

static void do_request(struct shim *shim, const struct node *request)
{
    const char *verb = node_get_text(request, "do");
    const char *name = node_get_text(request, "container");
    struct container *c = shim_container_find(shim, name);

    if (!strcmp(verb, "start") && c &&
        number_get(request, "after", NUMBER_COUNT, c->run.number) == c->run.number)
        shim_container_start(shim, c);
    else if (!strcmp(verb, "stop"))
        stop_each(shim, name, number_get(request, "grace", NUMBER_MILLIS, 0) * CLOCK_MS);
    else if (!strcmp(verb, "exec"))
        shim_exec_start(shim, request);
    else if (!strcmp(verb, "quit"))
        shim->quitting = true;
}

void shim_hear_agent(struct shim *shim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text bytes = {0};
    ssize_t got = shim_message_receive(shim->agent, &bytes);
    struct node *request;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        shim_drop_agent(shim);
    if (got <= 0)
        return;
    request = document_read_json(arena, bytes.bytes, bytes.len, &document_limits_own, NULL);
    if (request)
        do_request(shim, request);
}

/* Only the newest connection counts; it gets the whole state first. */
void shim_accept_agent(struct shim *shim)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
        (who.uid != geteuid() && who.uid != 0)) {
        close(fd);
        return;
    }
    shim_drop_agent(shim);
    shim->agent = fd;
    shim_tell_all(shim);
}
