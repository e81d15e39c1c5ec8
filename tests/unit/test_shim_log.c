/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log: lines with time and stream, files that rotate, floods and full disks. */
#include "shim/launch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "unit/check.h"
#include "unit/descriptors.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/axle-test-log-XXXXXX";

/* A log, one stream of it, and the writer's end. */
struct scene {
    char *path; /* owned */
    struct shim_log log;
    struct shim_stream stream;
    int writer;
};

static void begin_scene(struct scene *scene, const char *name, int64_t limit, int files)
{
    int ends[2];

    *scene = (struct scene){.path = mem_printf("%s/%s", folder, name)};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        printf("Bail out! no pipe\n");
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    scene->writer = ends[1];
    scene->stream = (struct shim_stream){.fd = ends[0], .name = "stdout"};
    shim_log_open(&scene->log, scene->path, limit, files);
}

static void end_scene(struct scene *scene)
{
    if (scene->writer >= 0)
        close(scene->writer);
    shim_log_finish(&scene->log, &scene->stream);
    if (scene->log.fd >= 0)
        close(scene->log.fd);
    mem_free(&scene->log.path);
    mem_free(&scene->stream.line);
    mem_free(&scene->path);
}

static void write_out(struct scene *scene, const char *bytes, size_t len)
{
    if (write(scene->writer, bytes, len) != (ssize_t)len)
        printf("Bail out! the pipe is full\n");
}

static void say(struct scene *scene, const char *text)
{
    write_out(scene, text, strlen(text));
    shim_log_read(&scene->log, &scene->stream);
}

/* What is in a file, each line without its time. */
static char *read_log(const char *path)
{
    scoped_text struct text out = {0};
    FILE *in = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    while (in && (len = getline(&line, &room, in)) > 0) {
        const char *after =
            len > 28 && line[27] == ' ' && line[26] == 'Z' ? line + 28 : "(no time)\n";

        text_add(&out, after);
    }
    free(line);
    if (in)
        fclose(in);
    return mem_copy_string(in ? text_string(&out) : "(no file)");
}

static void check_log(const struct scene *scene, const char *ending, const char *want,
                      const char *sentence)
{
    scoped_mem char *path = mem_printf("%s%s", scene->path, ending);
    scoped_mem char *got = read_log(path);

    CHECK_TEXT(got, want, "%s", sentence);
}

static void test_lines(void)
{
    struct scene scene;

    begin_scene(&scene, "lines.log", 1 << 20, 3);
    say(&scene, "one\ntwo\n\nthr");
    check_log(&scene, "", "stdout F one\nstdout F two\nstdout F \n", "each whole line is written");
    CHECK_TEXT(scene.stream.last, "two", "the last one with words is remembered");
    say(&scene, "ee\n \t four \r\n \t\r\n");
    check_log(&scene, "",
              "stdout F one\nstdout F two\nstdout F \nstdout F three\nstdout F  \t four \r\n"
              "stdout F  \t\r\n",
              "and one that came in parts");
    CHECK_TEXT(scene.stream.last, "four", "without the blanks around it");
    say(&scene, "five");
    shim_log_drain(&scene.log, &scene.stream);
    CHECK_TEXT(scene.stream.last, "five", "the end of a run ends its last line");
    CHECK(scene.stream.fd >= 0, "and leaves the stream open");
    say(&scene, "six\n");
    write_out(&scene, "seven", 5);
    close(scene.writer);
    scene.writer = -1;
    shim_log_read(&scene.log, &scene.stream);
    CHECK(scene.stream.fd >= 0, "bytes before the end are taken first");
    shim_log_read(&scene.log, &scene.stream);
    CHECK_INT(scene.stream.fd, -1, "the end of the writer closes the stream");
    CHECK(!scene.stream.line, "and frees its line");
    check_log(&scene, "",
              "stdout F one\nstdout F two\nstdout F \nstdout F three\nstdout F  \t four \r\n"
              "stdout F  \t\r\nstdout F five\nstdout F six\nstdout F seven\n",
              "after the last bytes");
    end_scene(&scene);
}

/* Lines of more than 16 KiB are written in parts. */
static void test_long_line(void)
{
    scoped_mem char *bytes = mem_alloc(SHIM_LINE + 10), *log = NULL;
    struct scene scene;

    memset(bytes, 'a', SHIM_LINE + 10);
    bytes[SHIM_LINE + 2] = '\n';
    begin_scene(&scene, "long.log", 1 << 20, 3);
    write_out(&scene, bytes, SHIM_LINE - 1);
    shim_log_read(&scene.log, &scene.stream);
    check_log(&scene, "", "", "16 KiB but one byte wait for the line's end");
    write_out(&scene, bytes, 1);
    shim_log_read(&scene.log, &scene.stream);
    write_out(&scene, bytes + SHIM_LINE, 3);
    shim_log_read(&scene.log, &scene.stream);
    log = read_log(scene.path);
    CHECK(text_starts(log, "stdout P aaa") && strlen(log) == 9 + SHIM_LINE + 1 + 9 + 3,
          "16 KiB are a part, the rest the end");
    CHECK(text_ends(log, "a\nstdout F aa\n"), "of the same line");
    end_scene(&scene);
}

static void test_rotation(void)
{
    struct scene scene;

    begin_scene(&scene, "rotates.log", 100, 3);
    for (char line[] = "1-23456789-23456789\n"; *line <= '8'; ++*line)
        say(&scene, line); /* 57 bytes with its time: one in 100 */
    check_log(&scene, "", "stdout F 8-23456789-23456789\n", "the newest file has the newest line");
    check_log(&scene, ".1", "stdout F 7-23456789-23456789\n", "the next one the line before");
    check_log(&scene, ".2", "stdout F 6-23456789-23456789\n", "and so on");
    check_log(&scene, ".3", "(no file)", "and what is older is gone");
    end_scene(&scene);
    begin_scene(&scene, "rotates.log", 100, 3);
    say(&scene, "another shim 3456789\n");
    check_log(&scene, ".1", "stdout F 8-23456789-23456789\n",
              "a later shim counts what is in the file");
    end_scene(&scene);
    begin_scene(&scene, "alone.log", 114, 1);
    say(&scene, "1-23456789-23456789\n");
    say(&scene, "2-23456789-23456789\n");
    check_log(&scene, "", "stdout F 1-23456789-23456789\nstdout F 2-23456789-23456789\n",
              "a file may be as long as its limit");
    say(&scene, "3-23456789-23456789\n");
    check_log(&scene, "", "stdout F 3-23456789-23456789\n", "a single file begins anew");
    check_log(&scene, ".1", "(no file)", "and leaves none beside it");
    end_scene(&scene);
    begin_scene(&scene, "small.log", 10, 2);
    say(&scene, "longer than the limit\n");
    check_log(&scene, "", "stdout F longer than the limit\n", "a line that is longer is written");
    check_log(&scene, ".1", "(no file)", "without an empty file before it");
    end_scene(&scene);
}

static void test_rates(void)
{
    static const struct {
        int64_t limit, rate;
        int files;
        const char *name;
    } cases[] = {
        {1000, 256 << 10, 3, "little is kept: 256 KiB a second"},
        {1 << 20, 3 << 20, 3, "what is kept of it at all, each second"},
        {10 << 20, 8 << 20, 3, "8 MiB at most"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct scene scene;

        begin_scene(&scene, "rates.log", cases[i].limit, cases[i].files);
        CHECK_INT(scene.log.rate, cases[i].rate, "%s", cases[i].name);
        CHECK_INT(scene.log.budget, cases[i].rate, "and so much at once");
        end_scene(&scene);
    }
}

/* Lines 000000, 000001, …; seven bytes each. */
static void flood(struct scene *scene, int lines)
{
    scoped_text struct text out = {0};

    for (int i = 0; i < lines; i++)
        text_addf(&out, "%06d\n", i);
    write_out(scene, out.bytes, out.len);
}

static void empty_budget(struct scene *scene, int64_t budget)
{
    scene->log.budget = budget;
    scene->log.budget_at = clock_steady() + 3600 * CLOCK_SECOND; /* nothing is added */
}

static void test_flood(void)
{
    scoped_mem char *log = NULL;
    struct scene scene;

    begin_scene(&scene, "flood.log", 1 << 20, 3);
    empty_budget(&scene, 1);
    say(&scene, "before\nhalf");
    check_log(&scene, "", "stdout F before\n", "while there is budget lines are written");
    CHECK_INT(scene.log.budget, 1 - 44, "each costs what it is in the file");
    flood(&scene, 10000);
    shim_log_read(&scene.log, &scene.stream);
    CHECK_INT(scene.log.dropped, 4 + 70000 - (int)SHIM_LINE, "then all but 16 KiB are dropped");
    CHECK_INT((int)scene.stream.len, (int)SHIM_LINE, "which are kept");
    empty_budget(&scene, scene.log.rate / 8);
    say(&scene, "end\n");
    CHECK_INT(scene.log.dropped, 8 + 70000 - (int)SHIM_LINE,
              "a flood ends when there is an eighth of a second's budget");
    empty_budget(&scene, scene.log.rate / 8 + 1);
    say(&scene, "after\n");
    CHECK_INT(scene.log.dropped, 0, "and something more");
    log = read_log(scene.path);
    CHECK(text_starts(log, "stdout F before\nstderr F [axle: 53631 bytes of output were dropped, "
                           "more than 3072 KiB per second]\nstdout F 007661\nstdout F 007662\n"),
          "what is missing is said, and half a line counts as missing: %.200s", log);
    CHECK(text_ends(log, "stdout F 009999\nstdout F end\nstdout F after\n"),
          "the last words are there");
    end_scene(&scene);
}

/* Little in the pipe: it only moves up, and nothing need be dropped. */
static void test_short_flood(void)
{
    struct scene scene;

    begin_scene(&scene, "short.log", 1 << 20, 3);
    empty_budget(&scene, 0);
    say(&scene, "one\ntw");
    say(&scene, "o\nthree");
    check_log(&scene, "", "", "without budget nothing is written");
    CHECK_INT(scene.log.dropped, 0, "and nothing dropped that can be kept");
    empty_budget(&scene, 1000);
    say(&scene, "\n");
    check_log(&scene, "", "stdout F one\nstdout F two\nstdout F three\n", "it comes later");
    empty_budget(&scene, 0);
    write_out(&scene, "last", 4);
    shim_log_drain(&scene.log, &scene.stream);
    check_log(&scene, "", "stdout F one\nstdout F two\nstdout F three\nstdout F last\n",
              "and at the end whatever the budget is");
    end_scene(&scene);
}

static void test_budget_grows(void)
{
    struct scene scene;

    begin_scene(&scene, "grows.log", 1 << 20, 3);
    scene.log.budget = 0;
    scene.log.budget_at = clock_steady() - CLOCK_SECOND / 2;
    say(&scene, "x\n");
    CHECK(scene.log.budget >= scene.log.rate / 2 - 100 && scene.log.budget <= scene.log.rate,
          "half a second gives half of it: %lld", (long long)scene.log.budget);
    scene.log.budget_at = clock_steady() - 100 * CLOCK_SECOND;
    say(&scene, "x\n");
    CHECK_INT(scene.log.budget, scene.log.rate - 39, "more than a second gives no more");
    CHECK(scene.log.budget_at > clock_steady() - 10 * CLOCK_SECOND, "and is given once");
    end_scene(&scene);
}

/* A file that takes so many bytes and no more, as on a full disk. */
static void limit_file(rlim_t bytes)
{
    struct rlimit limit = {bytes, RLIM_INFINITY};

    setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_full_disk(void)
{
    struct scene scene;

    begin_scene(&scene, "full.log", 1 << 20, 3);
    limit_file(100);
    say(&scene, "1-23456789-23456789\n2-23456789-23456789\n");
    check_log(&scene, "", "stdout F 1-23456789-23456789\n", "only whole lines are written");
    CHECK_INT(scene.log.lost, 57, "and what the disk did not take is counted");
    CHECK_INT(scene.log.size, 57, "the size is that of the file");
    say(&scene, "3-23456789-23456789\n");
    CHECK_INT(scene.log.lost, 114, "while it is full all is lost");
    limit_file(RLIM_INFINITY);
    say(&scene, "4-23456789-23456789\n");
    check_log(&scene, "",
              "stdout F 1-23456789-23456789\n"
              "stderr F [axle: 114 bytes of output were lost, the disk did not take them]\n"
              "stdout F 4-23456789-23456789\n",
              "then a note stands where it is missing");
    CHECK_INT(scene.log.lost, 0, "once");
    end_scene(&scene);
}

static void test_no_folder(void)
{
    scoped_mem char *later = mem_printf("%s/later", folder);
    struct scene scene;

    begin_scene(&scene, "later/x.log", 1 << 20, 3);
    say(&scene, "lost\n");
    CHECK_INT(scene.log.lost, 42, "without a folder lines are lost");
    CHECK_INT(mkdir(later, 0755), 0, "the folder comes");
    say(&scene, "there\n");
    check_log(&scene, "",
              "stderr F [axle: 42 bytes of output were lost, the disk did not take them]\n"
              "stdout F there\n",
              "and the file is made");
    end_scene(&scene);
}

int main(void)
{
    scoped_mem char *tidy = NULL;
    size_t before;

    if (!mkdtemp(folder))
        return 1;
    before = count_descriptors();
    signal(SIGXFSZ, SIG_IGN);
    test_lines();
    test_long_line();
    test_rotation();
    test_rates();
    test_flood();
    test_short_flood();
    test_budget_grows();
    test_full_disk();
    test_no_folder();
    CHECK_INT((int)count_descriptors(), (int)before + 1, "one file is left open, /dev/null");
    tidy = mem_printf("rm -rf %s", folder);
    return system(tidy) ? 1 : check_done();
}
