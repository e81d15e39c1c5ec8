#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A document's number has 64 bits; what it is used as often has fewer. Where it
# was cast, 4294967296 became uid 0. So the number of a document is never cast,
# and what runs pods reads numbers through module `number` only.

cd "$(dirname "$0")/.." || exit 1
types='u?int(8|16|32)?_t|int|unsigned|short|uid_t|gid_t|mode_t|pid_t|id_t|size_t|rlim_t|in_port_t|enum [a-z_]+'
casts=$(grep -rnE "\((const )?($types)( int)?\) ?(node_get_int *\(|[a-z_>.\-]*->integer)" modules --include='*.[ch]' |
    grep -vE '^modules/[a-z]+/(document|cel|number)/')
reads=$(grep -rnE 'node_get_int *\(|->integer' modules/spoke/{runtime,shim,probe,pods,cluster} modules/logic/manifest --include='*.[ch]')

[ -z "$casts" ] || printf '%s\nthe number of a document is cast: read it with number_get() and its kind\n' "$casts"
[ -z "$reads" ] || printf '%s\nwhat runs pods reads numbers with number_get() and its kind\n' "$reads"
[ -z "$casts$reads" ]
