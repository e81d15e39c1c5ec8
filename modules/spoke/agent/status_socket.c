/* SPDX-License-Identifier: Apache-2.0 */
/* Writes how the spoke and its works stand to each program that connects on this machine. */
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/session.h"
#include "agent/status.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/version.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "works/works.h"

#include <string.h>

#define PATIENCE (5 * CLOCK_SECOND)

static const char *const state_names[] = {
    [SESSION_JOINING] = "joining",
    [SESSION_LISTING] = "connecting",
    [SESSION_WATCHING] = "connected",
    [SESSION_WAITING] = "no connection",
};

static void set_wall_time(struct arena *arena, struct node *map, const char *key, int64_t wall)
{
    char when[CLOCK_TEXT];

    if (!wall)
        return;
    clock_format(wall, false, when);
    node_set_text(arena, map, key, when);
}

/* The whole text; `axle status` prints it. */
static struct node *describe_agent(struct agent *agent, struct arena *arena)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "name", agent->name);
    node_set_text(arena, made, "version", version_number());
    node_set_text(arena, made, "hub", agent->hub);
    node_set_text(arena, made, "state", state_names[session_state(agent)]);
    if (session_state(agent) == SESSION_WAITING || session_state(agent) == SESSION_JOINING)
        node_set_text(arena, made, "message", session_trouble(agent));
    set_wall_time(arena, made, "lastContact", session_last_contact(agent));
    departure_describe(agent, arena, made);
    node_set(arena, made, "facts", facts_values(agent, arena));
    node_set(arena, made, "machine", cluster_facts(works_cluster(agent->works), arena));
    node_set(arena, made, "works", works_describe(agent->works, arena));
    return made;
}

/* The text is written once; what the other end may say is not read. */
static void on_status_connection(struct loop_stream *stream, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};

    document_write_json(&json, describe_agent(agent, arena));
    text_add_char(&json, '\n');
    loop_stream_write(stream, json.bytes, json.len);
    loop_stream_close_politely(&stream, PATIENCE);
}

/* A socket that cannot be opened does not keep the agent from its work. */
void status_socket_open(struct agent *agent)
{
    scoped_mem char *path = agent_path(agent, AGENT_SOCKET);
    scoped_mem char *address = mem_printf("unix:%s", path);
    struct err err = {0};

    if (loop_is_simulated(agent->loop))
        return;
    agent->status_socket = loop_listen(agent->loop, address, on_status_connection, agent, &err);
    if (!agent->status_socket)
        log_warn("spoke", "axle status will not work here: %s", err.text);
}

void status_socket_close(struct agent *agent)
{
    loop_listener_close(&agent->status_socket);
}
