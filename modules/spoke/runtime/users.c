/* SPDX-License-Identifier: Apache-2.0 */
/* Gives each namespace a user of its own, and remembers whose each id is. */

#include "runtime/users.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "document/document.h"
#include "number/number.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct users {
    char *directory, *path; /* owned */
    struct runtime_range range;
    struct arena *arena; /* owned; of both maps */
    struct node *ids;    /* {"700123": namespace} */
    struct node *owners; /* {namespace: 700123} */
};

static const char *key_of_id(uint32_t id, char key[16])
{
    snprintf(key, 16, "%u", id);
    return key;
}

static const char *owner_of(const struct users *users, uint32_t id)
{
    char key[16];

    return node_get_text(users->ids, key_of_id(id, key));
}

static bool is_own_range(const struct users *users, uint32_t id)
{
    return id >= users->range.first && id <= users->range.last;
}

/* The first that is known to have an id keeps it. */
static void note_user(struct users *users, const char *owner, uint32_t id, bool main)
{
    char key[16];

    if (!*owner || !is_own_range(users, id))
        return;
    if (!*owner_of(users, id))
        node_set_text(users->arena, users->ids, key_of_id(id, key), owner);
    if (main && !node_get(users->owners, owner) && !strcmp(owner_of(users, id), owner))
        node_set_int(users->arena, users->owners, owner, id);
}

/* ---- Where the file is lost -------------------------------------------------------------- */

/* Folders are named NAMESPACE.NAME, or NAMESPACE..PROJECT.NAME; neither has a dot. */
static char *owner_of_pod(const char *folder)
{
    size_t len = strcspn(folder, ".");

    if (text_starts(folder + len, ".."))
        len += 2 + strcspn(folder + len + 2, ".");
    return mem_printf("%.*s", (int)len, folder);
}

static void look_at_claim(struct users *users, int at, const char *name)
{
    scoped_mem char *owner = owner_of_pod(name);
    struct stat st;

    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return;
    /* The group of a claim is the namespace's own (claims.h), unless an fsGroup has it. */
    if (st.st_mode & S_ISGID)
        note_user(users, owner, st.st_gid, true);
    note_user(users, owner, st.st_uid, true);
}

static void find_ids_of_pod(struct users *users, int at, const char *name)
{
    scoped_mem char *owner = owner_of_pod(name), *path = mem_printf("%s/work", name);
    struct stat st;

    if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        note_user(users, owner, st.st_uid, true);
}

static void look_through(struct users *users, const char *folder,
                         void (*look)(struct users *, int, const char *))
{
    scoped_mem char *path = mem_printf("%s/%s", users->directory, folder);
    DIR *list = opendir(path);

    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] != '.')
            look(users, dirfd(list), e->d_name);
    if (list)
        closedir(list);
}

/* ---- The file ------------------------------------------------------------------------------ */

static bool load_users(struct users *users)
{
    scoped_arena struct arena *arena = arena_new();
    size_t len = 0;
    scoped_mem char *bytes = file_read(users->path, (size_t)16 << 20, &len, NULL);
    const struct node *kept =
        bytes ? document_read_json(arena, bytes, len, &document_limits_own, NULL) : NULL;

    if (!node_is(node_get(kept, "owners"), NODE_MAP) || !node_is(node_get(kept, "ids"), NODE_MAP))
        return false;
    node_each(row, node_get(kept, "owners"))
        note_user(users, row->key, number_id(node_get(kept, "owners"), row->key), true);
    node_each(row, node_get(kept, "ids"))
    {
        long long id = 0;

        if (text_to_int(row->key, &id) && number_fits(NUMBER_USER, id))
            note_user(users, node_text(row->value), (uint32_t)id, false);
    }
    return true;
}

static int keep_users(struct users *users, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = {0};
    struct node *kept = node_map(arena);

    node_set(arena, kept, "owners", users->owners);
    node_set(arena, kept, "ids", users->ids);
    document_write_json(&out, kept);
    return file_write(users->path, out.bytes, out.len, 0600, err);
}

struct users *users_open(const char *directory, struct runtime_range range)
{
    struct users *users = mem_alloc(sizeof *users);
    struct err why = {0};

    users->directory = mem_copy_string(directory);
    users->path = mem_printf("%s/users.json", directory);
    users->range = range;
    users->arena = arena_new();
    users->ids = node_map(users->arena);
    users->owners = node_map(users->arena);
    if (!load_users(users)) {
        if (file_exists(users->path))
            log_warn("runtime",
                     "%s cannot be read: the owners of users are determined from pods and claims",
                     users->path);
        look_through(users, "pods", find_ids_of_pod);
        look_through(users, "engine", find_ids_of_pod);
        look_through(users, "claims", look_at_claim);
        /* Found out again at the next start; whatever is given must be kept then. */
        if (node_count(users->ids) && keep_users(users, &why) < 0)
            log_warn("runtime", "%s", why.text);
    }
    return users;
}

void users_close(struct users **users)
{
    struct users *u = *users;

    if (!u)
        return;
    mem_free(&u->directory);
    mem_free(&u->path);
    arena_free(&u->arena);
    mem_free(users);
}

/* ---- Giving ---------------------------------------------------------------------------------- */

static int give_user(struct users *users, const char *owner, uint32_t id, bool main,
                     struct err *err)
{
    char key[16];

    note_user(users, owner, id, main);
    if (keep_users(users, err) == 0)
        return 0;
    node_remove(users->ids, key_of_id(id, key)); /* what is not kept was not given */
    if (main)
        node_remove(users->owners, owner);
    return err_wrap(err, "users of namespaces");
}

int users_take(struct users *users, const char *owner, uint32_t *ret, struct err *err)
{
    uint32_t known = number_id(users->owners, owner), hash = 2166136261u;
    uint32_t count = users->range.last - users->range.first + 1;

    if (known != NUMBER_NO_ID) {
        *ret = known;
        return 0;
    }
    for (const char *at = owner; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = users->range.first + (hash % count + i) % count;

        if (*owner_of(users, id))
            continue;
        *ret = id;
        return give_user(users, owner, id, true, err);
    }
    return err_set(err, ERR_FULL,
                   "all %u users of this spoke belong to other namespaces; "
                   "--user-count makes them more",
                   count);
}

int users_claim(struct users *users, const char *owner, uint32_t id, struct err *err)
{
    const char *holder = owner_of(users, id);
    int count = 0;

    if (!is_own_range(users, id) || !strcmp(holder, owner))
        return 0;
    if (*holder)
        return err_set(err, ERR_FORBIDDEN,
                       "id %u belongs to another namespace on this spoke; "
                       "without runAsUser each has one of its own",
                       id);
    node_each(row, users->ids) count += !strcmp(node_text(row->value), owner);
    if (count >= USERS_MOST_IDS)
        return err_set(err, ERR_FORBIDDEN,
                       "namespace %.100s has %d ids of this spoke already, which is the limit",
                       owner, count);
    return give_user(users, owner, id, false, err);
}
