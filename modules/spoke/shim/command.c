/* SPDX-License-Identifier: Apache-2.0 */
/* Becomes a command in a container: its user, folder and program; says why it cannot. */

#include "shim/launch.h"

#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char **string_list(const struct node *list)
{
    size_t count = node_count(list);
    char **strings = mem_alloc((count + 1) * sizeof *strings);

    for (size_t i = 0; i < count; i++)
        strings[i] = (char *)node_text(node_item(list, i));
    return strings;
}

/* The first line of a script, which names its interpreter (execve(2), "#!"). */
static bool script_line(const char *program, char line[256])
{
    int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? read(fd, line, 255) : -1;

    if (fd >= 0)
        close(fd);
    if (got < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return true;
}

static void say_crlf(const char *program, const char *name, struct shim_message *why)
{
    snprintf(why->text, sizeof why->text,
             "command \"%.100s\": its lines end with CR LF, so its interpreter would be "
             "\"%.100s\\r\"; save it with LF line ends",
             program, name);
    text_make_printable(why->text);
}

/*
 * The file is there and may be run, so what was not found, or cannot be run, is its
 * interpreter. A line that was written on another system ends with a carriage return,
 * which is then a part of that name.
 */
static bool explain_interpreter(const char *program, int number, struct shim_message *why)
{
    char line[256], *name = line + 2;
    size_t len;

    if (!strchr(program, '/') || faccessat(AT_FDCWD, program, X_OK, AT_EACCESS) < 0 ||
        !script_line(program, line))
        return false;
    name += strspn(name, " \t");
    len = strcspn(name, " \t");
    if (len && name[len - 1] == '\r') {
        name[len - 1] = '\0';
        say_crlf(program, name, why);
        return true;
    }
    name[len] = '\0';
    if (number == ENOENT)
        snprintf(why->text, sizeof why->text,
                 "command \"%.100s\": its interpreter \"%.150s\" was not found on this machine",
                 program, name);
    else
        snprintf(why->text, sizeof why->text,
                 "command \"%.100s\": its interpreter \"%.150s\" cannot be run: %s", program, name,
                 strerror(number));
    text_make_printable(why->text);
    return true;
}

/*
 * env(1) looks for a program whose name ends with that carriage return; what it says when
 * there is none is about its options. With options it splits the line itself.
 */
static bool asks_env_for_crlf(const char *program, struct shim_message *why)
{
    char line[256], *name = line + 2, *wanted;
    size_t len, size;

    if (!strchr(program, '/') || !script_line(program, line))
        return false;
    name += strspn(name, " \t");
    len = strcspn(name, " \t");
    wanted = name + len + strspn(name + len, " \t");
    size = strlen(wanted);
    if (len < 4 || strncmp(name + len - 4, "/env", 4) != 0 || *wanted == '-' || size < 2 ||
        wanted[size - 1] != '\r')
        return false;
    wanted[size - 1] = '\0';
    say_crlf(program, wanted, why);
    snprintf(why->reason, sizeof why->reason, "CommandNotFound");
    why->status = ENOENT;
    return true;
}

/* Without a "/" the program was looked for in PATH, and is nowhere there. */
static void explain_missing(const char *program, struct shim_message *why)
{
    struct stat st;

    if (strchr(program, '/') && stat(program, &st) == 0) {
        if (!explain_interpreter(program, ENOENT, why))
            snprintf(why->text, sizeof why->text,
                     "command \"%.200s\": the loader that it "
                     "was built for was not found on this machine",
                     program);
        return;
    }
    snprintf(why->text, sizeof why->text, "command \"%.200s\" was not found on this machine",
             program);
}

static int fail_exec(const char *program, struct shim_message *why)
{
    int number = errno;
    struct stat st;

    why->status = number;
    if (number == ENOENT)
        explain_missing(program, why);
    else if (stat(program, &st) == 0 && S_ISDIR(st.st_mode))
        snprintf(why->text, sizeof why->text, "command \"%.200s\" is a directory", program);
    else if (!explain_interpreter(program, number, why))
        snprintf(why->text, sizeof why->text, "command \"%.200s\" cannot be run: %s", program,
                 strerror(number));
    snprintf(why->reason, sizeof why->reason, "%s",
             number == ENOENT ? "CommandNotFound" : "CannotRun");
    return -1;
}

static int enter_directory(const struct shim_launch *launch, struct shim_message *why)
{
    const char *wanted = node_get_text(launch->container, "directory");
    char work[4096];

    confine_work(launch->place, work, sizeof work);
    if (*wanted != '/' && chdir(work) < 0) {
        snprintf(why->text, sizeof why->text, "%.200s: %s", work, strerror(errno));
    } else if (*wanted && chdir(wanted) < 0) {
        snprintf(why->text, sizeof why->text, "workingDir \"%.200s\": %s", wanted, strerror(errno));
    } else {
        return 0;
    }
    snprintf(why->reason, sizeof why->reason, "WorkingDirMissing");
    return -1;
}

/* Looks the program up in the PATH of the container, not in ours. */
void shim_run_command(const struct shim_launch *launch, const struct node *command,
                      struct shim_message *why)
{
    char **argv = string_list(command);
    char **env = string_list(node_get(launch->container, "env"));
    const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    for (char **e = env; *e; e++)
        if (!strncmp(*e, "PATH=", 5))
            path = *e + 5;
    if (confine_self(launch->place, launch->container, why) < 0 || enter_directory(launch, why) < 0)
        return;
    if (asks_env_for_crlf(argv[0], why))
        return;
    setenv("PATH", path, 1);
    execvpe(argv[0], argv, env);
    fail_exec(argv[0], why);
}

/* The shim blocks what it reads from a descriptor. */
void shim_unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void shim_reset_signals(void)
{
    for (int i = 1; i < 65; i++)
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    shim_unblock_signals();
}

/* Before the pod's namespaces are entered: there a volume may stand in the place of
   /dev, and whoever is still root opens no path that the pod could have planted. */
int shim_open_empty(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void shim_join_cgroups(const struct shim_launch *launch)
{
    for (int i = 0; i < 4; i++)
        if (launch->cgroup_procs[i] >= 0 && write(launch->cgroup_procs[i], "0", 1) < 0)
            continue; /* the shim noted what cannot be limited */
}
