/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flips bits and cuts each file of hub/pki: the hub says in words which one is
 * damaged, or has the very keys that it had; it never makes others by itself.
 */
#include "check.h"

#include "base/file.h"
#include "base/text.h"
#include "config/config.h"
#include "hub/internal.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static struct store *store;
static struct config *config;

static const char *const files[] = {"ca.key", "ca.crt", "sealing.key", "service-accounts.key"};

struct keys {
    unsigned char authority[PKI_SHA256], tokens[PKI_SHA256], seal[PKI_SEAL_KEY];
};

static void done(void *arg, const struct err *err)
{
    if (err)
        *(bool *)arg = true;
}

/* Opens them as a hub does. -1: told. */
static int open_keys(struct keys *ret, struct err *err)
{
    struct hub hub = {.directory = folder, .config = config, .store = store};
    static const char *const listen[] = {"127.0.0.1:0", NULL};
    struct hub_settings settings = {.listen = listen};
    int opened = keys_open(&hub, &settings, err) < 0 || keys_open_seal(&hub, ret->seal, err) < 0 ||
                         keys_open_tokens(&hub, ret->seal, err) < 0
                     ? -1
                     : 0;
    bool failed = false;

    if (opened == 0) {
        memcpy(ret->authority, pki_authority_pin(hub.authority), PKI_SHA256);
        pki_key_pin(hub.token_key, ret->tokens);
    }
    store_commit(store, done, &failed);
    pki_authority_free(&hub.authority);
    pki_key_free(&hub.token_key);
    server_close(&hub);
    return failed ? -1 : opened;
}

static char *path_of(const char *file)
{
    return mem_printf("%s/pki/%s", folder, file);
}

static size_t places(void)
{
    return getenv("DEEP") ? 5000 : 200;
}

static void damage(const char *file, bool cut, const struct keys *wanted)
{
    scoped_mem char *path = path_of(file);
    size_t len = 0, told = 0, harmless = 0, silent = 0, range;
    scoped_mem char *whole = file_read(path, 65536, &len, NULL);

    range = cut ? len : len * 8;
    for (size_t i = 0; i < places() && i < range; i++) {
        size_t at = range > places() ? i * range / places() + (cut ? 0 : i % 8) : i;
        scoped_mem char *bytes = mem_copy(whole, len + 1);
        struct keys keys = {0};
        struct err err = {0};

        if (at >= range)
            continue;
        if (!cut)
            bytes[at / 8] = (char)(bytes[at / 8] ^ 1 << at % 8);
        if (file_write(path, bytes, cut ? at : len, 0600, &err) < 0)
            silent++;
        if (open_keys(&keys, &err) < 0) {
            bool named = strstr(err.text, file) && strstr(err.text, "Put ");

            told += named;
            silent += !named;
            if (!named)
                printf("# %s: %s\n", file, err.text);
        } else if (memcmp(&keys, wanted, sizeof keys) == 0) {
            harmless++;
        } else {
            silent++;
            printf("# %s at %zu: other keys\n", file, at);
        }
        if (cut)
            continue;
        /* And it is left as it is. */
        mem_free(&bytes);
        bytes = file_read(path, 65536, NULL, &err);
        silent += !bytes || memcmp(bytes, whole, len) == 0;
    }
    printf("# %s of %s: %zu told, %zu harmless\n", cut ? "cuts" : "flips", file, told, harmless);
    CHECK_INT(silent, 0, "%s of %s: told or harmless", cut ? "cuts" : "flips", file);
    CHECK(told > 0, "and some are told");
    CHECK_INT(file_write(path, whole, len, 0600, NULL), 0, "put back");
}

static void missing(const char *file)
{
    scoped_mem char *path = path_of(file), *aside = mem_printf("%s.aside", path);
    struct keys keys;
    struct err err = {0};

    CHECK_INT(rename(path, aside), 0, "taken away");
    CHECK(open_keys(&keys, &err) < 0 && strstr(err.text, file) && strstr(err.text, "is missing") &&
              strstr(err.text, "--accept-loss"),
          "%s missing is told: %s", file, err.text);
    CHECK(!file_exists(path), "and not made");
    CHECK_INT(rename(aside, path), 0, "put back");
}

int main(void)
{
    struct store_disk *disk = store_disk_new("keys");
    struct store_options options = {.vfs = "keys"};
    struct keys wanted = {0}, again = {0};
    struct err err = {0};
    char command[128];

    snprintf(folder, sizeof folder, "/tmp/axle-keys-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    config = config_new();
    store = store_open("hub.db", &options, &err);
    CHECK_INT(open_keys(&wanted, &err), 0, "a new hub makes its keys: %s", err.text);
    store_skip_revisions(store, 1);
    CHECK_INT(open_keys(&again, &err), 0, "and has them again: %s", err.text);
    CHECK(memcmp(&wanted, &again, sizeof wanted) == 0, "the same ones");
    for (size_t i = 0; i < count_of(files); i++) {
        damage(files[i], false, &wanted);
        damage(files[i], true, &wanted);
        missing(files[i]);
    }
    CHECK_INT(open_keys(&again, &err), 0, "at the end all is well: %s", err.text);
    store_close(&store);
    store_disk_free(&disk);
    config_free(&config);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) ? 1 : check_done();
}
