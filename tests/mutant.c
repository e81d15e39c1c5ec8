/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which change of a mutated copy of the tree a process makes, and which it reaches.
 *
 * tests/mutants.py writes all changes into the files of a module, each behind a look at
 * mutant_number; this file is added to the copy's module base. The number comes in the
 * environment: MUTANT=NUMBER makes one change, MUTANT=0:PATH none, and marks in the file
 * PATH each place that has changes and is reached. A shim is started with an empty
 * environment, so the processes above are asked too. The file is mapped, so that what a
 * fork has reached, or a process that ends by _exit(), is marked as well.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACES = 1 << 16 };

static unsigned char unmarked[PLACES];

extern int mutant_number;
extern unsigned char *mutant_reached;

int mutant_number;
unsigned char *mutant_reached = unmarked;

/* Reads a file of a process into a buffer, and ends it with '\0': its length. */
static size_t read_process_file(long pid, const char *name, char *buffer, size_t room)
{
    char path[64];
    ssize_t got, len = 0;
    int file;

    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && (got = read(file, buffer + len, room - 1 - (size_t)len)) > 0)
        len += got;
    if (file >= 0)
        close(file);
    buffer[len] = '\0';
    return (size_t)len;
}

static long process_parent(long pid)
{
    char buffer[1024], *after;
    long parent = 0;

    read_process_file(pid, "stat", buffer, sizeof buffer);
    after = strrchr(buffer, ')');
    if (after)
        sscanf(after + 1, " %*c %ld", &parent);
    return parent;
}

/* The value of MUTANT in the environment that a process was started with, or NULL. */
static char *process_mutant(long pid)
{
    static char buffer[1 << 16];
    size_t len = read_process_file(pid, "environ", buffer, sizeof buffer);

    for (size_t at = 0; at < len; at += strlen(buffer + at) + 1)
        if (!strncmp(buffer + at, "MUTANT=", 7))
            return buffer + at + 7;
    return NULL;
}

static void map_marks(const char *path)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *marks;

    if (file < 0)
        return;
    marks = mmap(NULL, PLACES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (marks != MAP_FAILED)
        mutant_reached = marks;
    close(file);
}

__attribute__((constructor)) static void read_mutant(void)
{
    char *value = NULL;

    for (long pid = getpid(); pid > 1 && !value; pid = process_parent(pid))
        value = process_mutant(pid);
    if (!value)
        return;
    mutant_number = (int)strtol(value, &value, 10);
    if (*value == ':')
        map_marks(value + 1);
}
