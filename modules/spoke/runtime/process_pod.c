/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pod in memory, forgets it, and deletes what it has on the machine. */

#include "base/beneath.h"
#include "runtime/process.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

char *process_absolute(const char *path)
{
    char here[4096];

    if (*path == '/' || !getcwd(here, sizeof here))
        return mem_copy_string(path);
    return mem_printf("%s/%s", here, path);
}

struct process_pod *process_pod_new(struct runtime *runtime, const char *id)
{
    struct process_pod *pod = mem_alloc(sizeof *pod);

    pod->tag = PROCESS_POD_TAG;
    pod->runtime = runtime;
    pod->id = mem_copy_string(id);
    pod->directory = mem_printf("%s/%s/%s", runtime->directory, runtime->folder, id);
    pod->arena = arena_new();
    pod->socket = -1;
    map_put(runtime->pods, id, pod);
    return pod;
}

void process_pod_set_record(struct process_pod *pod, const struct node *record)
{
    scoped_arena struct arena *arena = arena_new();

    document_release(&pod->record);
    pod->record = document_intern(record ? record : node_map(arena));
}

struct node *process_pod_volumes(struct process_pod *pod)
{
    if (!pod->volumes)
        pod->volumes = node_map(pod->arena);
    return pod->volumes;
}

struct node *process_pod_links(struct process_pod *pod)
{
    if (!pod->links)
        pod->links = node_map(pod->arena);
    return pod->links;
}

void process_pod_trim(struct process_pod *pod)
{
    struct node **const kept[] = {&pod->volumes, &pod->links, &pod->spec, &pod->waiting};
    struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(kept); i++)
        *kept[i] = node_copy(arena, *kept[i]);
    arena_free(&pod->arena);
    pod->arena = arena;
}

/* The ask is taken out of the list first: `done` may ask again. */
void process_answer_ask(struct process_pod *pod, struct process_request *request, bool ok,
                        const char *message)
{
    struct process_request **at = &pod->requests;

    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    loop_timer_free(&request->timer);
    request->done(request->arg, ok, message);
    mem_free(&request);
}

void process_hang_up(struct process_pod *pod)
{
    loop_watch_free(&pod->watch);
    if (pod->socket >= 0)
        close(pod->socket);
    pod->socket = -1;
}

/* Closes the connection to the shim for good: every request without a response fails. */
static void abandon_shim(struct process_pod *pod)
{
    process_hang_up(pod);
    loop_timer_free(&pod->reach);
    loop_timer_free(&pod->leave);
    while (pod->requests)
        process_answer_ask(pod, pod->requests, false, "the pod has gone");
    process_shim_forget(&pod->shim);
}

/* Does not end the pod: it runs on, unless process_pod_delete() came before. */
void process_pod_free(struct process_pod **pod)
{
    struct process_pod *p = *pod;

    if (!p)
        return;
    process_files_forget(p);
    loop_timer_free(&p->restore);
    abandon_shim(p);
    map_remove(p->runtime->pods, p->id);
    mem_free(&p->id);
    mem_free(&p->directory);
    for (size_t i = 0; i < p->count; i++)
        mem_free(&p->states[i].last);
    mem_free(&p->states);
    document_release(&p->record);
    arena_free(&p->arena);
    p->tag = 0;
    mem_free(pod);
}

/* By control group, which finds processes that have left their parent. */
void process_kill_leftovers(struct process_pod *pod)
{
    for (size_t i = 0; i < pod->count; i++) {
        cgroup_kill(&pod->runtime->cgroups, pod->id, pod->states[i].name);
        cgroup_remove(&pod->runtime->cgroups, pod->id, pod->states[i].name);
    }
}

/* More files than this take so long that everything else would wait for them. */
#define AT_ONCE 20000

void process_empty_trash(const char *trash)
{
    pid_t pid = fork();

    /* A grandchild is reaped by init, and must not keep our sockets open. */
    if (pid == 0 && fork() == 0) {
        syscall(SYS_close_range, 3, ~0U, 0);
        setpriority(PRIO_PROCESS, 0, 19);
        beneath_delete(AT_FDCWD, trash);
    }
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

/* Within one file system a rename is quick whatever is in the folder. */
static void delete_folder(const struct process_pod *pod)
{
    static unsigned count;
    scoped_mem char *trash = mem_printf("%s/trash", pod->runtime->directory);
    scoped_mem char *to =
        mem_printf("%s/%s-%lld-%u", trash, pod->id, (long long)clock_wall(), count++);

    if (beneath_delete_some(AT_FDCWD, pod->directory, AT_ONCE))
        return;
    if ((mkdir(trash, 0700) < 0 && errno != EEXIST) || rename(pod->directory, to) < 0)
        beneath_delete(AT_FDCWD, pod->directory);
    else
        process_empty_trash(trash);
}

void process_pod_delete(struct process_pod *pod)
{
    process_kill_leftovers(pod);
    process_memory_delete(pod);
    process_files_forget(pod);
    delete_folder(pod);
}
