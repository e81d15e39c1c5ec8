/* SPDX-License-Identifier: Apache-2.0 */
/* Writes results to standard output, and reports when a write fails. */
#include "cli/internal.h"

#include "base/text.h"
#include "document/document.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * If standard output is closed, the next file or socket that is opened gets descriptor 1,
 * and the output would be written into it, even into the database. So open /dev/null for
 * each closed one of 0 to 2; for 1 read-only, so that writes to it still fail.
 */
void output_open(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDONLY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    /*
     * Ignore SIGPIPE, so that a closed pipe (| head) is reported as a message, like a full
     * disk.
     */
    signal(SIGPIPE, SIG_IGN);
}

int output_finish(int status)
{
    bool failed = ferror(stdout);

    errno = 0;
    if (fflush(stdout) == 0 && !failed)
        return status;
    /* An earlier write failed and errno is lost; write again to get it. */
    if (!errno && write(STDOUT_FILENO, "\n", 1) == 1)
        errno = 0;
    fprintf(stderr, "axle: standard output: %s; the output is not complete\n",
            errno ? strerror(errno) : "it could not be written");
    return status == CLI_OK ? CLI_FAILED : status;
}

bool output_failed(void)
{
    return fflush(stdout) != 0 || ferror(stdout);
}

bool cli_wants_tree(const struct cli_flags *flags)
{
    return flags->output && (!strcmp(flags->output, "json") || !strcmp(flags->output, "yaml"));
}

void cli_print_tree(const struct cli_flags *flags, const struct node *tree)
{
    scoped_text struct text out = {0};

    if (strcmp(flags->output, "yaml") == 0)
        document_write_yaml(&out, tree);
    else
        document_write_pretty(&out, tree);
    if (!text_ends(text_string(&out), "\n"))
        text_add_char(&out, '\n');
    fputs(text_string(&out), stdout);
}
