/* SPDX-License-Identifier: Apache-2.0 */
/* axle logs NAME: prints the output of a workload's pods on this machine. */
#include "cli/internal.h"

#include "base/file.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_LIMIT ((size_t)4 * 1024 * 1024)
#define TAIL ((off_t)1024 * 1024)

const struct cli_help logs_help = {
    .words = "NAME [CONTAINER]",
    .least = 1,
    .most = 2,
    .brief = "the output of pods on this machine",
    .what =
        "Prints the newest output, at most a MiB, of each pod of an AIWorkload, or of one pod, as "
        "the "
        "spoke of this machine keeps it. No hub and no agent is needed. What a container of an "
        "image printed is with its engine: podman logs.",
    .takes = {{"project", "of this project only", NULL}, {"data-dir", NULL, NULL}},
    .example = "axle logs hello",
    .ends = {{CLI_FAILED, "the pods' folders cannot be read"},
             {CLI_NOT_FOUND, "no pod of that name is here"}},
};

struct log_request {
    const char *folder; /* DIR/spoke/workloads/pods */
    const char *name, *container, *project;
    size_t found;
};

static bool matches_request(const struct log_request *request, const struct node *record)
{
    const struct node *labels = node_at(record, "template", "metadata", "labels", NULL);

    if (request->project && strcmp(node_get_text(record, "project"), request->project) != 0)
        return false;
    return !strcmp(node_get_text(record, "name"), request->name) ||
           !strcmp(node_get_text(labels, META_LABEL_AIWORKLOAD), request->name);
}

/*
 * Control characters are printed as text, so that a pod cannot send commands to the
 * terminal.
 */
static void print_bytes(const char *bytes, size_t len)
{
    scoped_text struct text shown = {0};

    if (!isatty(STDOUT_FILENO)) {
        fwrite(bytes, 1, len, stdout);
        return;
    }
    text_add_printable(&shown, bytes, len, true);
    fwrite(text_string(&shown), 1, shown.len, stdout);
}

/*
 * A line is "TIME STREAM F text"; prints only the text, as kubectl does. With P instead of
 * F the text continues in the next line.
 */
static void print_lines(const char *bytes, size_t len)
{
    const char *end = bytes + len, *next;

    for (const char *line = bytes; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *text = line;

        next = newline ? newline + 1 : end;
        for (int field = 0; field < 3 && text < next; field++) {
            const char *blank = memchr(text, ' ', (size_t)(next - text));

            text = blank ? blank + 1 : next;
        }
        if (text == next)
            print_bytes(line, (size_t)(next - line));
        else if (text[-2] == 'P' && newline)
            print_bytes(text, (size_t)(newline - text));
        else
            print_bytes(text, (size_t)(next - text));
    }
}

/*
 * Returns -1 if there is no log. Where the agent is not root, its pods run as the same
 * user and can write to this folder; if root reads the log, it must not follow a link or
 * block on a FIFO.
 */
static int open_log(const char *folder, const char *container)
{
    scoped_mem char *name = mem_printf("%s.log", container);
    int logs = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int fd = logs >= 0 ? openat(logs, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW) : -1;

    if (logs >= 0)
        close(logs);
    return fd;
}

/* Prints the last lines of a file, beginning with a whole line. */
static void print_tail(const char *folder, const char *container)
{
    int fd = open_log(folder, container);
    scoped_mem char *bytes = NULL;
    const char *start;
    struct stat status;
    off_t from = 0;
    ssize_t got;

    if (fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        from = status.st_size > TAIL ? status.st_size - TAIL : 0;
        bytes = mem_alloc((size_t)TAIL);
        got = pread(fd, bytes, (size_t)TAIL, from);
        start = from && got > 0 ? memchr(bytes, '\n', (size_t)got) : NULL;
        start = start ? start + 1 : bytes;
        if (got > 0)
            print_lines(start, (size_t)(bytes + got - start));
    }
    if (fd >= 0)
        close(fd);
}

static void print_pod(struct log_request *request, const char *id, const struct node *record)
{
    const struct node *lists[] = {node_at(record, "template", "spec", "initContainers", NULL),
                                  node_at(record, "template", "spec", "containers", NULL)};

    for (size_t k = 0; k < count_of(lists); k++) {
        for (size_t i = 0; i < node_count(lists[k]); i++) {
            const char *container = node_get_text(node_item(lists[k], i), "name");
            scoped_mem char *path = mem_printf("%s/%s/logs", request->folder, id);
            scoped_text struct text head = {0};

            if (strchr(container, '/') ||
                (request->container && strcmp(request->container, container)))
                continue;
            text_addf(&head, "%s==> %s %s\n", request->found++ ? "\n" : "",
                      node_get_text(record, "name"), container);
            print_bytes(text_string(&head), head.len);
            print_tail(path, container);
        }
    }
}

static void print_matching_pod(struct log_request *request, const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = mem_printf("%s/%s/pod.json", request->folder, id);
    struct err ignored = {0};
    size_t len;
    scoped_mem char *text = file_read(path, RECORD_LIMIT, &len, &ignored);
    const struct node *record =
        text ? node_get(document_read_json(arena, text, len, &document_limits_own, &ignored),
                        "record")
             : NULL;

    if (record && matches_request(request, record))
        print_pod(request, id, record);
}

int logs_verb(const struct cli_flags *flags)
{
    scoped_mem char *spoke = mode_folder(flags, "spoke");
    scoped_mem char *folder = mem_printf("%s/workloads/pods", spoke);
    const char *const *words = flags->words + flags->verb_words;
    struct log_request request = {folder, words[0], words[1], flags->project, 0};
    const struct dirent *entry;
    struct err err = {0};
    DIR *dir = opendir(folder);

    if (!dir) {
        if (file_exists(folder))
            err_set(&err, ERR_FORBIDDEN, "%s cannot be read: run this as the user of the spoke",
                    folder);
        else
            err_set(&err, ERR_NOT_FOUND,
                    "no spoke runs pods in %s; name another data folder with --data-dir", spoke);
        return cli_fail(&err);
    }
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            print_matching_pod(&request, entry->d_name);
    closedir(dir);
    if (request.found)
        return CLI_OK;
    err_set(&err, ERR_NOT_FOUND,
            "no pod of \"%.100s\"%s%.100s is on this machine; axle status spoke lists "
            "those that are",
            request.name, request.container ? " with a container " : "",
            request.container ? request.container : "");
    return cli_fail(&err);
}
