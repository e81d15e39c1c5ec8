#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Packs build/axle as a tar archive and as a Debian package: package.sh VERSION

set -eu -o pipefail
cd "$(dirname "$0")/.."
version=$1
architecture=$(dpkg --print-architecture)
root=build/packages/root
name=axle-$version-$architecture

rm -rf build/packages
mkdir -p $root/DEBIAN $root/usr/bin $root/usr/lib/systemd/system $root/usr/share/doc/axle $root/etc/axle
install -m 755 build/axle $root/usr/bin/axle
install -m 644 install/systemd/*.service $root/usr/lib/systemd/system/
install -m 644 conf/hub.yaml conf/spoke.yaml $root/etc/axle/
printf '/etc/axle/%s\n' hub.yaml spoke.yaml >$root/DEBIAN/conffiles
install -m 644 README.md assets/NOTICE $root/usr/share/doc/axle/
install -m 644 LICENSE $root/usr/share/doc/axle/copyright

cat >$root/DEBIAN/control <<TEXT
Package: axle
Version: $version
Architecture: $architecture
Section: admin
Priority: optional
Maintainer: Axle maintainers <maintainers@axle.invalid>
Installed-Size: $(du -sk $root | cut -f1)
Description: control plane for AI/ML applications that run on many machines
 One executable: hub, spoke or both. Enable axle-hub.service on the machine
 that others join and axle-spoke.service on those that run applications.
TEXT

# The same input gives the same bytes: no dates, no owner.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH
dpkg-deb --root-owner-group --build $root build/packages/"axle_${version}_$architecture.deb" >/dev/null
tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --transform "s|^$root/usr|$name|" --transform "s|^$root/etc|$name/etc|" -czf "build/packages/$name.tar.gz" $root/usr $root/etc
rm -rf $root
ls -1 build/packages/*.*
