/* SPDX-License-Identifier: Apache-2.0 */
/* limit: 300
 * Hostile archives: each is unpacked by the confined child, and nothing outside
 * it changes. Then the confinement itself. */
#include "archive/archive.h"
#include "base/clock.h"
#include "base/text.h"
#include "check.h"
#include "loop/loop.h"
#include "runtime/runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

/* ---- Crafting ----------------------------------------------------------------- */

struct entry {
    const char *name;
    char type;
    const char *link, *bytes;
    const char *size; /* octal as written; NULL: the truth */
    const char *mode;
    bool bad_sum, gnu;
};

static void put_field(char *at, size_t room, const char *text)
{
    memcpy(at, text, strlen(text) < room ? strlen(text) : room);
}

static void add_entry(struct text *tar, const struct entry *e)
{
    char block[512] = {0}, number[24];
    size_t len = e->bytes ? strlen(e->bytes) : 0;
    unsigned sum = 0;

    put_field(block, 100, e->name);
    put_field(block + 100, 8, e->mode ? e->mode : "0000644");
    put_field(block + 108, 8, "0000000");
    put_field(block + 116, 8, "0000000");
    snprintf(number, sizeof number, "%011zo", len);
    put_field(block + 124, 12, e->size ? e->size : number);
    put_field(block + 136, 12, "00000000000");
    memset(block + 148, ' ', 8);
    block[156] = e->type;
    if (e->link)
        put_field(block + 157, 100, e->link);
    put_field(block + 257, 8, e->gnu ? "ustar  " : "ustar");
    if (!e->gnu)
        memcpy(block + 263, "00", 2);
    for (size_t i = 0; i < sizeof block; i++)
        sum += (unsigned char)block[i];
    snprintf(number, sizeof number, "%06o", e->bad_sum ? sum + 1 : sum);
    memcpy(block + 148, number, 7);
    text_add_bytes(tar, block, sizeof block);
    text_add_bytes(tar, e->bytes ? e->bytes : "", len);
    while (tar->len % 512)
        text_add_char(tar, '\0');
}

static void end_tar(struct text *tar)
{
    char zeros[1024] = {0};

    text_add_bytes(tar, zeros, sizeof zeros);
}

/* ---- The corpus ---------------------------------------------------------------- */

#define GOOD_YAML "kind: A\n"
#define LONG10 "aaaaaaaaaa"
#define LONG100 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10 LONG10

/* Up to three entries; `says`: what the refusal names; NULL: the list is `gives`. */
static const struct hostile {
    const char *what;
    struct entry entries[3];
    const char *says, *gives;
} hostiles[] = {
    {"an honest file", {{"a.yaml", '0', NULL, GOOD_YAML}}, NULL, "[{\"kind\":\"A\"}]"},
    {"a folder and a file in it",
     {{"d/", '5'}, {"d/a.yaml", '0', NULL, GOOD_YAML}},
     NULL,
     "[{\"kind\":\"A\"}]"},
    {"the old type of a file", {{"a.yaml", '\0', NULL, GOOD_YAML}}, NULL, "[{\"kind\":\"A\"}]"},
    {"a contiguous file", {{"a.yaml", '7', NULL, GOOD_YAML}}, NULL, "[{\"kind\":\"A\"}]"},
    {"a setuid mode",
     {{"a.yaml", '0', NULL, GOOD_YAML, NULL, "0006755"}},
     NULL,
     "[{\"kind\":\"A\"}]"},
    {"a file that is no document", {{"run.sh", '0', NULL, "rm -rf /"}}, NULL, "[]"},
    {"nothing at all", {{0}}, NULL, "[]"},
    {"up and out", {{"../a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"far up and out", {{"../../../../../../tmp/a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"down, then out", {{"d/../../a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"up in the middle", {{"d/../a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"ends with up", {{"d/..", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"is up", {{"..", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"is here", {{".", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"here in the middle", {{"d/./a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"here and up", {{"./../a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"absolute", {{"/etc/cron.d/a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"absolute twice", {{"//etc/a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"the root", {{"/", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"an empty part", {{"d//a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"a final slash on a file", {{"a.yaml/", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"backslashes", {{"..\\a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"a drive", {{"C:\\a.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"no name", {{"", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"a newline in the name", {{"a\n.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"an escape in the name", {{"\033[2Ja.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"a delete in the name", {{"a\177.yaml", '0', NULL, GOOD_YAML}}, "leaves", NULL},
    {"a symbolic link", {{"l", '2', "/etc/passwd"}}, "neither", NULL},
    {"a symbolic link inside", {{"l", '2', "a.yaml"}}, "neither", NULL},
    {"through a symbolic link",
     {{"l", '2', "/tmp"}, {"l/a.yaml", '0', NULL, GOOD_YAML}},
     "neither",
     NULL},
    {"over a symbolic link",
     {{"a.yaml", '2', "/tmp/x"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "neither",
     NULL},
    {"a link to a folder above",
     {{"d", '2', ".."}, {"d/a.yaml", '0', NULL, GOOD_YAML}},
     "neither",
     NULL},
    {"a hard link", {{"l", '1', "/etc/shadow"}}, "neither", NULL},
    {"a hard link inside",
     {{"a.yaml", '0', NULL, GOOD_YAML}, {"l", '1', "a.yaml"}},
     "neither",
     NULL},
    {"a hard link up", {{"l", '1', "../../x"}}, "neither", NULL},
    {"a character device", {{"null", '3'}}, "neither", NULL},
    {"a block device", {{"sda", '4'}}, "neither", NULL},
    {"a pipe", {{"p", '6'}}, "neither", NULL},
    {"GNU sparse", {{"s.yaml", 'S', NULL, GOOD_YAML, NULL, NULL, false, true}}, "neither", NULL},
    {"GNU multi-volume",
     {{"m.yaml", 'M', NULL, GOOD_YAML, NULL, NULL, false, true}},
     "neither",
     NULL},
    {"GNU volume label", {{"v", 'V', NULL, NULL, NULL, NULL, false, true}}, "neither", NULL},
    {"GNU dump folder", {{"d/", 'D', NULL, NULL, NULL, NULL, false, true}}, "neither", NULL},
    {"GNU long link",
     {{"k", 'K', NULL, "/etc/passwd", NULL, NULL, false, true}, {"l", '2', "x"}},
     "neither",
     NULL},
    {"Solaris' extended header", {{"x", 'X', NULL, "12 path=/x\n"}}, "neither", NULL},
    {"an unknown type", {{"z", 'Z'}}, "neither", NULL},
    {"a type beyond ASCII", {{"z", (char)0xff}}, "neither", NULL},
    {"twice the same",
     {{"a.yaml", '0', NULL, GOOD_YAML}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "twice",
     NULL},
    {"twice, in two spellings",
     {{"a.yaml", '0', NULL, GOOD_YAML}, {"./a.yaml", '0', NULL, GOOD_YAML}},
     "twice",
     NULL},
    {"a wrong checksum", {{"a.yaml", '0', NULL, GOOD_YAML, NULL, NULL, true}}, "checksum", NULL},
    {"a size beyond the end", {{"a.yaml", '0', NULL, GOOD_YAML, "00000777777"}}, "cut off", NULL},
    {"the largest size", {{"a.yaml", '0', NULL, GOOD_YAML, "77777777777"}}, "cut off", NULL},
    {"a negative size", {{"a.yaml", '0', NULL, GOOD_YAML, "-0000000001"}}, "cut off", NULL},
    {"a size in base 256", {{"a.yaml", '0', NULL, GOOD_YAML, "\200\377\377\377"}}, "cut off", NULL},
    {"a size that is a word", {{"a.yaml", '0', NULL, GOOD_YAML, "many"}}, "cut off", NULL},
    {"a GNU long name up",
     {{"L", 'L', NULL, "../../a.yaml"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "leaves",
     NULL},
    {"a GNU long name, absolute",
     {{"L", 'L', NULL, "/etc/a.yaml"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "leaves",
     NULL},
    {"a GNU long name too long",
     {{"L", 'L', NULL, LONG100 LONG100 LONG100}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "leaves",
     NULL},
    {"a GNU long name on a link",
     {{"L", 'L', NULL, "ok.yaml"}, {"l", '2', "/etc"}},
     "neither",
     NULL},
    {"a pax path up",
     {{"x", 'x', NULL, "21 path=../../a.yaml\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "leaves",
     NULL},
    {"a pax path, absolute",
     {{"x", 'x', NULL,
       "19 path=/etc/a.yaml"
       "\n"},
      {"a.yaml", '0', NULL, GOOD_YAML}},
     "pax",
     NULL},
    {"a pax path, absolute and well formed",
     {{"x", 'x', NULL, "20 path=/etc/a.yaml\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "leaves",
     NULL},
    {"a pax length that lies",
     {{"x", 'x', NULL, "999999 path=a\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "pax",
     NULL},
    {"a pax length of nothing",
     {{"x", 'x', NULL, "0 path=a\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "pax",
     NULL},
    {"a pax length beyond words",
     {{"x", 'x', NULL, "99999999999999999999999 path=a\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "pax",
     NULL},
    {"a pax header without a space",
     {{"x", 'x', NULL, "12path=ab.c\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     "pax",
     NULL},
    {"a pax link path",
     {{"x", 'x', NULL, "24 linkpath=/etc/passwd\n"}, {"l", '2', "x"}},
     "neither",
     NULL},
    {"a pax global path up",
     {{"g", 'g', NULL, "20 path=../../a.yaml\n"}, {"a.yaml", '0', NULL, GOOD_YAML}},
     NULL,
     "[{\"kind\":\"A\"}]"},
    {"YAML that is none", {{"a.yaml", '0', NULL, "a: [b\n"}}, "a.yaml", NULL},
    {"YAML with a bomb of aliases",
     {{"a.yaml", '0', NULL,
       "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c "
       "[*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
       "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f "
       "[*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
       "g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g]\ni: "
       "[*h,*h,*h,*h,*h,*h,*h,*h,*h]\n"}},
     "a.yaml",
     NULL},
    {"YAML that contains itself", {{"a.yaml", '0', NULL, "a: &a [*a]\n"}}, "a.yaml", NULL},
    {"JSON with a NUL", {{"a.json", '0', NULL, "{\"a\": \"\\u0000\"}"}}, "a.json", NULL},
    {"bytes that are no UTF-8", {{"a.yaml", '0', NULL, "a: \"\377\376\"\n"}}, "a.yaml", NULL},
};

/* ---- What is outside -------------------------------------------------------------- */

static void sweep(const char *folder, struct text *out)
{
    DIR *dir = opendir(folder);
    struct dirent *one;
    char *names[64];
    size_t count = 0;

    while (dir && (one = readdir(dir)) && count < count_of(names))
        if (one->d_name[0] != '.' || !strncmp(one->d_name, ".c", 2))
            names[count++] = strdup(one->d_name);
    if (dir)
        closedir(dir);
    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++)
            if (strcmp(names[i], names[k]) > 0) {
                char *swap = names[i];

                names[i] = names[k];
                names[k] = swap;
            }
    for (size_t i = 0; i < count; i++) {
        scoped_mem char *path = mem_printf("%s/%s", folder, names[i]);
        struct stat st;

        if (lstat(path, &st) == 0)
            text_addf(out, "%s %llu %o %lld %lld.%ld\n", path, (unsigned long long)st.st_ino,
                      (unsigned)st.st_mode, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                      st.st_mtim.tv_nsec);
        if (S_ISDIR(st.st_mode))
            sweep(path, out);
        free(names[i]);
    }
}

static char outside[256];

static void make_outside(void)
{
    static const char *const names[] = {"a.yaml", "passwd", "x"};
    const char *base = getenv("TMPDIR");

    snprintf(outside, sizeof outside, "%s/axle-unpack-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(outside) || chdir(outside) < 0 || mkdir("in", 0755) < 0 || chdir("in") < 0)
        printf("Bail out! %s\n", outside);
    for (size_t i = 0; i < count_of(names); i++) {
        scoped_mem char *path = mem_printf("%s/%s", outside, names[i]);
        FILE *file = fopen(path, "w");

        if (file) {
            fprintf(file, "untouched\n");
            fclose(file);
        }
    }
}

static void remove_outside(void)
{
    static const char *const names[] = {"a.yaml", "passwd", "x"};

    for (size_t i = 0; i < count_of(names); i++) {
        scoped_mem char *path = mem_printf("%s/%s", outside, names[i]);

        unlink(path);
    }
    if (chdir("/") == 0) {
        scoped_mem char *in = mem_printf("%s/in", outside);

        rmdir(in);
        rmdir(outside);
    }
}

/* ---- Unpacking ------------------------------------------------------------------------ */

static struct loop *loop;
struct told {
    bool done;
    struct text json;
    struct err err;
};

static void on_told(void *arg, const char *json, size_t len, const struct err *err)
{
    struct told *told = arg;

    told->done = true;
    if (err)
        told->err = *err;
    else
        text_add_bytes(&told->json, json, len);
}

/* As text: the list, or why not. The caller frees. */
static char *unpack(const void *bytes, size_t len, bool *ret_good)
{
    struct told told = {0};
    struct err err = {0};
    struct unpacking *unpacking = runtime_unpack(loop, NULL, bytes, len, on_told, &told, &err);
    char *text;

    while (unpacking && !told.done)
        loop_turn(loop, CLOCK_SECOND);
    if (!unpacking)
        told.err = err;
    *ret_good = told.err.code == ERR_NONE;
    text = mem_copy_string(*ret_good ? text_string(&told.json) : told.err.text);
    text_free(&told.json);
    return text;
}

static void check_tar(const struct hostile *h)
{
    scoped_text struct text tar = {0}, gz = {0};
    bool good = false;

    for (size_t i = 0; i < 3 && h->entries[i].name; i++)
        add_entry(&tar, &h->entries[i]);
    end_tar(&tar);
    archive_gzip(&gz, tar.bytes, tar.len);

    scoped_mem char *said = unpack(gz.bytes, gz.len, &good);

    if (h->gives)
        CHECK_TEXT(said, h->gives, "%s", h->what);
    else
        CHECK(!good && strstr(said, h->says), "%s: %s", h->what, said);
}

/* ---- Around the tar ---------------------------------------------------------------------- */

static void check_bytes(const char *what, const void *bytes, size_t len, const char *says)
{
    bool good = false;
    scoped_mem char *said = unpack(bytes, len, &good);

    CHECK(!good && strstr(said, says), "%s: %s", what, said);
}

static void honest(struct text *gz)
{
    scoped_text struct text tar = {0};

    add_entry(&tar, &(struct entry){"a.yaml", '0', NULL, GOOD_YAML});
    end_tar(&tar);
    archive_gzip(gz, tar.bytes, tar.len);
}

static void check_gzip(void)
{
    scoped_text struct text gz = {0}, two = {0};

    honest(&gz);
    check_bytes("nothing", "", 0, "gzip");
    check_bytes("no gzip", "this is no gzip at all", 22, "gzip");
    check_bytes("a zip file", "PK\003\004xxxxxxxxxxxxxxxx", 20, "gzip");
    check_bytes("half of it", gz.bytes, gz.len / 2, "gzip");
    check_bytes("without its end", gz.bytes, gz.len - 4, "gzip");
    text_add_bytes(&two, gz.bytes, gz.len);
    text_add_bytes(&two, gz.bytes, gz.len);
    check_bytes("two members", two.bytes, two.len, "something follows");
    text_cut(&two, 0);
    text_add_bytes(&two, gz.bytes, gz.len);
    text_add(&two, "more");
    check_bytes("something behind it", two.bytes, two.len, "something follows");
    text_cut(&two, 0);
    text_add_bytes(&two, gz.bytes, gz.len);
    two.bytes[two.len - 6] ^= 1;
    check_bytes("a wrong checksum of gzip", two.bytes, two.len, "gzip");
}

/* A gigabyte of zeros is a megabyte of gzip. */
static void check_bomb(void)
{
    enum { SLICE = 1 << 20 };
    scoped_text struct text gz = {0};
    char *zeros = mem_alloc(SLICE);
    z_stream z = {0};

    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        printf("Bail out! zlib\n");
    for (int i = 0; i < 1024; i++) {
        z.next_in = (void *)zeros;
        z.avail_in = SLICE;
        do {
            z.next_out = (void *)text_reserve(&gz, SLICE);
            z.avail_out = SLICE;
            (void)deflate(&z, i == 1023 ? Z_FINISH : Z_NO_FLUSH);
            gz.len += SLICE - z.avail_out;
        } while (!z.avail_out);
    }
    deflateEnd(&z);
    mem_free(&zeros);
    check_bytes("a bomb", gz.bytes, gz.len, "more than");
}

static void check_caps(void)
{
    scoped_text struct text tar = {0}, gz = {0};
    char *large = mem_alloc((2 << 20) + 1);

    memset(large, '#', 2 << 20);
    add_entry(&tar, &(struct entry){"a.yaml", '0', NULL, large});
    end_tar(&tar);
    archive_gzip(&gz, tar.bytes, tar.len);
    check_bytes("a file of 2 MiB", gz.bytes, gz.len, "limit");
    mem_free(&large);
    text_cut(&tar, 0);
    text_cut(&gz, 0);
    for (int i = 0; i < 20000; i++) {
        scoped_mem char *name = mem_printf("f%d", i);

        add_entry(&tar, &(struct entry){name, '0'});
    }
    end_tar(&tar);
    archive_gzip(&gz, tar.bytes, tar.len);
    check_bytes("20,000 files", gz.bytes, gz.len, "limit");
}

/* Every byte of a good one changed: refused or read, never worse. */
static void check_flips(void)
{
    scoped_text struct text gz = {0};
    size_t odd = 0;

    honest(&gz);
    for (size_t i = 0; i < gz.len; i += 7) {
        bool good = false;

        gz.bytes[i] ^= 0x55;

        scoped_mem char *said = unpack(gz.bytes, gz.len, &good);

        odd += !good && (!*said || strstr(said, "signal"));
        gz.bytes[i] ^= 0x55;
    }
    CHECK_INT((long long)odd, 0, "a changed byte is refused in words");
}

/* ---- The confinement --------------------------------------------------------------------- */

enum forbidden { OPEN, CREATE, SOCKET, FORK, EXEC, KILL, PROGRAM_MEMORY, MAKE_ROOT, LAST };
static const char *const forbidden_names[] = {"opening a file",
                                              "making a file",
                                              "a socket",
                                              "a child",
                                              "a program",
                                              "a signal to its parent",
                                              "memory that is a program",
                                              "becoming root again"};

static int attempt(enum forbidden what)
{
    char *const nothing[] = {NULL};

    switch (what) {
    case OPEN:
        return open("/etc/passwd", O_RDONLY) < 0;
    case CREATE:
        return open("made", O_WRONLY | O_CREAT, 0600) < 0;
    case SOCKET:
        return socket(AF_INET, SOCK_STREAM, 0) < 0;
    case FORK:
        return fork() < 0;
    case EXEC:
        return execve("/bin/true", nothing, nothing) < 0;
    case KILL:
        return kill(getppid(), SIGTERM) < 0;
    case PROGRAM_MEMORY:
        return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                    0) == MAP_FAILED;
    case MAKE_ROOT:
        return setresuid(0, 0, 0) < 0;
    case LAST:
        break;
    }
    return 1;
}

/* Killed, or refused: anything but done. */
static void check_confined(enum forbidden what)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        if (runtime_unpack_confine() < 0)
            _exit(77);
        _exit(attempt(what) ? 0 : 1);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        CHECK_SKIP("this kernel has neither Landlock nor seccomp");
    else
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "%s is not possible there",
              forbidden_names[what]);
}

int main(int argc, char **argv)
{
    scoped_text struct text before = {0}, after = {0};
    struct err err = {0};

    if (argc == 2 && !strcmp(argv[1], "unpack"))
        return runtime_unpack_main();
    loop = loop_new(&err);
    make_outside();
    sweep(outside, &before);
    for (size_t i = 0; i < count_of(hostiles); i++)
        check_tar(&hostiles[i]);
    check_gzip();
    check_bomb();
    check_caps();
    check_flips();
    for (int what = OPEN; what < LAST; what++)
        check_confined((enum forbidden)what);
    sweep(outside, &after);
    CHECK_TEXT(text_string(&after), text_string(&before), "nothing outside has changed");
    remove_outside();
    loop_free(&loop);
    return check_done();
}
