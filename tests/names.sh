#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# No name is defined twice. The modules are linked from one archive, where the
# linker takes the first of two functions of one name and says nothing. The same is
# so of the simulation in tests/sim.

cd "$(dirname "$0")/.." || exit 1
library=build/debug/libaxle.a
simulation=$(ls build/debug/libsim.a 2>/dev/null)
[ -s $library ] || { echo "$library is not built"; exit 1; }

twice=$(nm -g --defined-only $library $simulation | awk 'NF == 3 && $2 ~ /^[A-Z]$/ && $2 !~ /[VWu]/ && $3 !~ /^__(asan|odr_asan|ubsan)/ { print $3 }' |
    sort | uniq -d)
[ -z "$twice" ] || { printf '%s is defined by two modules\n' $twice; exit 1; }
