#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packs build/axle as a tar archive and as a Debian package: package.sh VERSION [PROGRAM [FOLDER]]

set -eu -o pipefail
cd "$(dirname "$0")/.."
version=$1 program=${2:-build/axle} into=${3:-build/packages}
architecture=$(dpkg --print-architecture)
root=$into/root
name=axle-$version-$architecture

# The same input gives the same bytes: no dates but that of the commit, no owner.
SOURCE_DATE_EPOCH=$(git -c safe.directory="$PWD" log -1 --format=%ct 2>/dev/null ||
    cut -d' ' -f2 COMMIT 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
umask 022

# put MODE FOLDER FILE…
put() {
    local mode=$1 folder=$root/$2
    shift 2
    mkdir -p "$folder"
    install -m "$mode" "$@" "$folder/"
}

put_files() {
    put 755 usr/bin "$program"
    mv "$root/usr/bin/$(basename "$program")" "$root/usr/bin/axle" 2>/dev/null || true
    put 644 usr/lib/systemd/system install/systemd/*.service
    put 644 usr/lib/sysusers.d install/systemd/axle.sysusers
    mv "$root"/usr/lib/sysusers.d/axle.sysusers "$root"/usr/lib/sysusers.d/axle.conf
    put 644 etc/axle conf/hub.yaml conf/spoke.yaml
    put 644 usr/share/axle/catalogue assets/catalogue/*.yaml
    put 644 usr/share/doc/axle/examples conf/sample/*
    put 644 usr/share/doc/axle README.md assets/NOTICE install/debian/copyright
    put 644 usr/share/doc/axle/docs docs/*.md docs/*.png
    mkdir -p "$root"/usr/share/{man/man1,bash-completion/completions,lintian/overrides}
    install -m 644 install/debian/lintian-overrides "$root/usr/share/lintian/overrides/axle"
    install/manual.sh completion "$program" >"$root/usr/share/bash-completion/completions/axle"
    install/manual.sh man "$program" "$version" "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)" |
        gzip -9n >"$root/usr/share/man/man1/axle.1.gz"
    changelog | gzip -9n >"$root/usr/share/doc/axle/changelog.gz"
}

changelog() {
    printf 'axle (%s) stable; urgency=medium\n\n  * See docs/CHANGES.md in this folder.\n\n' "$version"
    printf ' -- Axle maintainers <maintainers@axle.invalid>  %s\n' "$(date -uR -d "@$SOURCE_DATE_EPOCH")"
}

put_control() {
    mkdir -p "$root/DEBIAN"
    install -m 755 install/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
    printf '/etc/axle/%s\n' hub.yaml spoke.yaml >"$root/DEBIAN/conffiles"
    (cd "$root" && find usr -type f -printf '%P\n' | LC_ALL=C sort | sed 's|^|usr/|' |
        xargs -d '\n' md5sum) >"$root/DEBIAN/md5sums"
    cat >"$root/DEBIAN/control" <<TEXT
Package: axle
Version: $version
Architecture: $architecture
Section: admin
Priority: optional
Maintainer: Axle maintainers <maintainers@axle.invalid>
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: passwd
Description: control plane for AI/ML applications that run on many machines
 One executable: hub, spoke or both. Enable axle-hub.service on the machine
 that others join and axle-spoke.service on those that run applications.
 Definitions of applications are in /usr/share/axle/catalogue.
TEXT
}

rm -rf "$into"
mkdir -p "$into"
put_files
put_control
dpkg-deb --root-owner-group --build "$root" "$into/axle_${version}_$architecture.deb" >/dev/null
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    -C "$root" --transform "s|^usr|$name|;s|^etc|$name/etc|" -czf "$into/$name.tar.gz" usr etc
rm -rf "$root"
ls -1 "$into"/*.*
