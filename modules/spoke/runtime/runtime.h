/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct node;

/*
 * Runs pods on this machine: starts them as described, and reports what ends.
 *
 * A pod is a directory, some files and a few containers; a container is a
 * command that runs once per start(). The runtime never decides to start
 * anything again, never looks at health and knows no kinds: that is
 * `cluster`'s. It is also the spoke's door to files, ports and processes, so
 * that a simulation can run a whole spoke without any of them.
 *
 * Pods outlive the agent. close() leaves them running; observe() finds them
 * again after a restart, with the exits that happened meanwhile.
 *
 * Everything happens on the loop's thread. Calls answer at once; what takes
 * time is reported later by on_event, never from inside a call.
 *
 * A pod's description is a tree:
 *
 *   id          string    unique on this spoke, [a-z0-9.-], up to 120 bytes
 *   record      any       the caller's own; given back by observe()
 *   hostname    string    what hostname(1) says in it, where namespaces are made
 *   grace       int       milliseconds between SIGTERM and SIGKILL, should the machine shut down
 *   user        int       the uid to run as; absent: the runtime's choice
 *   group       int
 *   fsGroup     int       a further group of its processes, and that of the claims
 *                         which it writes; fsGroupPolicy "OnRootMismatch": not
 *                         where the top folder has it already
 *   groups      [int]     and more of them
 *   disk        int       bytes that its own folders may hold
 *   owner       string    what shares an unprivileged uid (a namespace)
 *   ownerNumber int       its place among the unprivileged uids, if it has one
 *   hosts       [string]  lines for the pod's own hosts file
 *   volumes     [{name, type, ...}]
 *       type "files"   files: {PATH: {text | base64, mode}}; updated by
 *                      set_files(), watched, put back when changed by others;
 *                      secret: true keeps them off the disk where possible
 *       type "empty"   an empty directory; memory: true, size: bytes that it
 *                      may hold, looked at every few seconds
 *       type "claim"   claim: NAME, a directory that outlives pods
 *       type "host"    path, below one of the bounds' host_paths;
 *                      create: true makes it, file: true as a file;
 *                      must: "Directory", "File", "Socket", "CharDevice" or
 *                      "BlockDevice" refuses what is something else
 *   containers  [{
 *       name, command: [string], env: ["K=V"],
 *       image: NAME, args: [string], pull: Never   the engine driver's: without
 *           a command the image's own; a pod has images or it has not
 *       preStop: {command: [string]}, {sleep: seconds} or
 *           {probe: as for probe()}  before that SIGTERM; a stop() is
 *           the caller's, and so are hooks before it
 *       directory: working directory; absent or relative: the pod's own,
 *       mounts: [{volume, path, subPath, readOnly}]  path may be relative,
 *       user, group: of this container alone,
 *       capabilities: ["12"]: their numbers, what it has; privileged: true,
 *       readOnlyRoot: true: the engine driver's,
 *       memory: bytes, cpu: thousandths of a core, pids: count,
 *       again: {on: any | failure, after: seconds}  the runtime itself starts
 *           it once more, at once, the first time it ends and any time that
 *           it ran for `after`; absent: only start() does. A start() that
 *           comes too late for that changes nothing.
 *       start: true to start it with the pod }]
 */
struct runtime;

enum runtime_event_kind {
    RUNTIME_STARTED, /* the command runs: pid */
    RUNTIME_FAILED,  /* it could not be started: reason, message */
    RUNTIME_EXITED,  /* code, or signal; oom */
    RUNTIME_LOST,    /* the pod ends as a whole, exits unknown: reason ShimLost,
                        or Evicted: a volume holds more than its size */
    RUNTIME_REMOVED, /* answer to remove(): nothing of the pod is left */
    RUNTIME_DRIFT,   /* a delivered file was put back: message names it */
    RUNTIME_WAITS,   /* a start takes its time: message says what for */
    RUNTIME_NOTE,    /* reason and message are worth an Event */
};

struct runtime_event {
    enum runtime_event_kind kind;
    const char *pod, *container; /* container NULL when it is about the pod */
    int64_t run;                 /* counts the starts of the container from 1 */
    int64_t pid;
    int code, signal;
    bool oom;
    int64_t started, finished; /* wall time */
    const char *reason;        /* CamelCase: "CommandNotFound" */
    const char *message;       /* for a person */
};
typedef void runtime_event_fn(void *arg, const struct runtime_event *event);

struct runtime_range {
    uint32_t first, last;
};
/*
 * What this spoke's own administrator allows. It bounds every pod, whatever
 * asked for it, and no work can widen it. Zero is the default of each.
 */
struct runtime_bounds {
    const char *const *host_paths;     /* roots for hostPath; ends with NULL */
    bool allow_root;                   /* uid and gid 0 */
    bool allow_privileged;             /* privileged, capabilities.add */
    const char *const *allow_ids;      /* "1000", "2000-2999": ids beside our own; ends with NULL */
    struct runtime_range ids;          /* our own users and groups; 700000 to 759999 */
    struct runtime_range node_ports;   /* of Services; 30000 to 32767 */
    struct runtime_range host_ports;   /* of containers; 1024 to 65535 */
    const char *const *node_addresses; /* where node ports listen; the cluster's default */
    int64_t disk;                      /* bytes that a pod's own folders may hold; 10 GiB */
};
/* Fills the defaults in, and refuses what is no id, range or folder by its setting. */
int runtime_bounds_settle(struct runtime_bounds *bounds, struct err *err) MUST_CHECK;
/* "2000" or "2000-2999". */
int runtime_range_read(const char *text, uint32_t least, uint32_t most, struct runtime_range *ret,
                       struct err *err) MUST_CHECK;
/*
 * Whether a pod may run as, or be of, this id. As root that is an id of our
 * own range, one that allow_ids lists, or 0 if that is allowed; else only the
 * agent's own. ERR_FORBIDDEN says which ids there are and which setting widens them.
 */
int runtime_bounds_id(const struct runtime_bounds *bounds, uint32_t id, bool group,
                      struct err *err) MUST_CHECK;
/* The number of "NET_ADMIN" or "CAP_NET_ADMIN"; -1: there is no such. */
int runtime_capability(const char *name);
/* "NET_ADMIN"; NULL. */
const char *runtime_capability_name(int capability);
/* Whether a process of uid 0 has it without being privileged. */
bool runtime_capability_is_usual(int capability);

struct runtime_options {
    struct loop *loop;
    const char *directory;     /* spoke/workloads: pods, claims */
    const char *program;       /* this executable, for its shims; NULL: itself */
    const char *engine_socket; /* of Podman or Docker; NULL: the usual places */
    const char *cgroup_parent; /* of pods and shims, as in /proc/PID/cgroup; NULL or "": our own */
    int64_t log_bytes;         /* a log file is rotated at this size; 0: 10 MiB */
    int log_files;             /* and so many are kept; 0: 3 */
    struct runtime_bounds bounds;
    const char *private_folder; /* what no pod sees: the agent's own data; NULL: directory */
    uint64_t seed;              /* simulated only */
    runtime_event_fn *on_event;
    void *arg;
};

/* ok, and what was answered or went wrong ("HTTP 503: loading model"). */
typedef void runtime_probe_fn(void *arg, bool ok, const char *message);

struct runtime_driver {
    const char *name;

    int (*open)(const struct runtime_options *options, struct runtime **ret,
                struct err *err) MUST_CHECK;
    /* Lets go; the pods run on. */
    void (*close)(struct runtime **runtime);

    /* What this machine can do, for the spoke's status: {driver, cgroup,
       namespaces: [..], user, seccomp, notes: [..]}. */
    struct node *(*facts)(struct runtime *runtime, struct arena *arena);

    /*
     * Once after open(): every pod found, [{id, record, alive, ready, ending, containers:
     * [{name, run, state: none|running|exited|failed, pid, code, signal, oom,
     * started, finished, reason, message, crashes: ends in a row of runs that
     * were shorter than again.after, last: {how the run before it ended}}]}].
     * Events follow for those alive.
     */
    struct node *(*observe)(struct runtime *runtime, struct arena *arena);

    /*
     * Makes the pod and starts the containers marked so. ERR_EXISTS if it is
     * there. ERR_INVALID with the field for what cannot be; ERR_UNSUPPORTED
     * ("MountUnavailable: ...") for what this machine cannot do.
     */
    int (*create)(struct runtime *runtime, const struct node *pod, struct err *err) MUST_CHECK;
    /* Starts a container that is not running (again). */
    int (*start)(struct runtime *runtime, const char *pod, const char *container,
                 struct err *err) MUST_CHECK;
    /*
     * SIGTERM, and after `grace` nanoseconds SIGKILL to the whole tree.
     * `container` NULL: all of them. RUNTIME_EXITED tells the end.
     */
    void (*stop)(struct runtime *runtime, const char *pod, const char *container, int64_t grace);
    /* Kills what is left, then removes directory, files and cgroup. */
    void (*remove)(struct runtime *runtime, const char *pod);

    /* New contents for a volume of type "files", in place and whole. */
    int (*set_files)(struct runtime *runtime, const char *pod, const char *volume,
                     const struct node *files, struct err *err) MUST_CHECK;

    /*
     * Other lines after the machine's own in the pod's hosts file, in place:
     * what runs sees them at its next look. $AXLE_HOSTS is where the file is;
     * with a mount namespace it is /etc/hosts too (see facts).
     */
    int (*set_hosts)(struct runtime *runtime, const char *pod, const struct node *lines,
                     struct err *err) MUST_CHECK;

    /*
     * Asks once: {httpGet: {host, port, path, scheme, httpHeaders},
     * tcpSocket: {host, port}, exec: {command}, grpc: {port, service}}; ports
     * are numbers. A httpGet without httpOk takes 200-399. Calls back once,
     * later, also when the pod goes away.
     */
    void (*probe)(struct runtime *runtime, const char *pod, const char *container,
                  const struct node *probe, int64_t timeout, runtime_probe_fn *done, void *arg);

    /*
     * Whether a TCP port can be listened on; `wanted` 0 picks a free one. On
     * failure (ERR_CONFLICT) the text names the process that holds it, if that is known.
     */
    int (*port)(struct runtime *runtime, int wanted, int *ret, struct err *err) MUST_CHECK;

    /*
     * Keeps beside the pod since when it has been ready, as wall time, or with 0 that it is
     * not: observe() tells the next agent ("ready", microseconds; not there: nothing was kept).
     */
    void (*note_ready)(struct runtime *runtime, const char *pod, int64_t since);

    /* The end of a container's log, newest lines, oldest first. */
    char *(*log_tail)(struct runtime *runtime, struct arena *arena, const char *pod,
                      const char *container, int lines);

    /* Deletes a claim's directory; only ever on a person's word. */
    int (*claim_delete)(struct runtime *runtime, const char *claim, struct err *err) MUST_CHECK;
};

extern const struct runtime_driver runtime_process, runtime_engine;

/* By name; "auto" is process. NULL: there is no such driver. */
const struct runtime_driver *runtime_find(const char *name);

/* ---- Archives from outside */

/*
 * Reads all YAML and JSON documents of a tar+gzip, in a child that has no rights:
 * the user nobody's, no files by Landlock, no system calls but for memory and two
 * descriptors, limits of CPU, memory and size. `done` gets the documents as
 * one JSON list, or why not; once, later, from the loop. In a simulation there
 * is no child. `program` NULL: this executable.
 */
struct unpacking;
typedef void runtime_unpack_fn(void *arg, const char *json, size_t len, const struct err *err);
struct unpacking *runtime_unpack(struct loop *loop, const char *program, const void *bytes,
                                 size_t len, runtime_unpack_fn *done, void *arg,
                                 struct err *err) MUST_CHECK;
/* `done` is not called any more. */
void runtime_unpack_cancel(struct unpacking **unpacking);
/* `axle unpack`: the child. Does not return. Its first half is public to be
   tested: -1 if this kernel can neither close files nor filter calls. */
int runtime_unpack_main(void);
int runtime_unpack_confine(void);

/* ---- The shim ------------------------------------------------------------ */

/*
 * `axle shim ...`: the parent of one pod's processes (shim/shim.h), started
 * by the process driver. Does not return before the pod is over.
 */
int runtime_shim_main(int argc, char **argv);

#endif
