/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_CONFINE_H
#define SHIM_CONFINE_H

#include "shim/launch.h"

/*
 * The parts of confine_root(). confine.c puts the root together, confine_hide.c
 * leaves out devices, the kernel's settings and the agent's data, confine_point.c
 * makes the places where something is mounted, confine_mount.c moves mounts. Each
 * calls only those that are named after it.
 */

enum { CONFINE_READ_ONLY = 1, CONFINE_DEVICES = 2 };

/* Fills the reason from errno; -1. */
int confine_say(struct shim_message *why, const char *what, const char *path);

/* A detached copy of the mounts at `path` ("": `at` itself), and its new place
   ("": `at` itself). Closes `tree`. */
int confine_pick_up(int at, const char *path);
int confine_put_down(int tree, int at, const char *path);
/* Never set-user-id; no devices and read-only as asked, below it too. */
int confine_harden(int tree, unsigned how);
/* All three: a copy of `from` is put down, hardened, at `to`. */
int confine_place(int at, const char *from, int to_at, const char *to, unsigned how);

/*
 * A descriptor of the place in the new root where something is to be mounted,
 * made if it is missing. Links of the machine's own are followed, those of
 * workloads are not.
 */
int confine_point(const char *path, bool file);
/* The same without making anything. */
int confine_point_open(const char *path);

/* /dev of the new root, before it is entered. */
int confine_devices(const char *root, const struct shim_place *place, bool privileged,
                    struct shim_message *why);
/* After it is entered: /proc, /dev/shm, and what no process in it should see. */
int confine_hide(const struct shim_place *place, bool privileged, struct shim_message *why);

#endif
