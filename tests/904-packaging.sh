#!/bin/bash
# What the packages say agrees with the project: versions, files, programs' exit codes in the units.
. "$(dirname "$0")/lib.sh"
cd "$top_srcdir/packaging" || exit 1
version=$(sed -n 's/^AC_INIT(\[bit\], \[\([^]]*\)\].*/\1/p' "$top_srcdir/configure.ac")
[ -n "$version" ] && head -n 1 debian/changelog | grep -qF "bit ($version-"
ok $? "debian/changelog is about version $version"
grep -qE "^Version: +$version\$" rpm/bit.spec && grep -qF -- "- $version-" rpm/bit.spec
ok $? "bit.spec is about version $version"
grep -qF "version(\"$version\")" spack/packages/bit/package.py && grep -qF "bit-$version.tar.xz" spack/packages/bit/package.py
ok $? "package.py is about version $version"
# What launcher/install-dependencies installs for a build, each packager asks for, too (libraries: in Spack by other names).
missing=0
while read -r debian fedora; do
    sed -n '/^Build-Depends:/,/^[A-Z].*:/p' debian/control | tr ', ' '\n\n' | grep -qxF "$debian" ||
        { echo "    $debian is not in debian/control"; missing=1; }
    grep -qxE "BuildRequires: +$fedora" rpm/bit.spec || { echo "    $fedora is not in bit.spec"; missing=1; }
done < <(sed -n '/^look()/,/tests = yes/p' "$top_srcdir/launcher/install-dependencies" | awk '$1 == "need" && $2 ~ /^lib.*-dev$/ && $2 != "libc6-dev" { print $2, $3 }')
ok $missing "debian/control and bit.spec ask for every library"
libraries=$(sed -n '/^look()/,/tests = yes/p' "$top_srcdir/launcher/install-dependencies" | grep -cE '^ *need lib.*-dev')
# Without that of C, which is Spack's compiler
same "package.py asks for as many libraries" "$((libraries - 1))" "$(grep -c '^    depends_on("' spack/packages/bit/package.py | awk '{ print $1 - 2 }')"
for name in build-deb check debian/rules; do
    [ -x $name ]
    ok $? "$name has its run bit"
done
./build-deb --no-such-option >/dev/null 2>&1
[ $? = 64 ]
ok $? "build-deb refuses an unknown option"
./build-deb "$scratch/bit-1.tar.xz" >/dev/null 2>&1
[ $? = 66 ]
ok $? "build-deb misses an archive"
./check potato >/dev/null 2>&1
[ $? = 64 ]
ok $? "check refuses an unknown release"
missing=0
for page in "$top_srcdir"/man/*.[157]; do
    page=$(basename "$page")
    case $page in bit*.1 | bit*.5 | bit-*.7) ;; *) echo "    $page is not in bit.spec"; missing=1 ;; esac
done
ok $missing "bit.spec takes every page of the manual"
# Each test that the packages run is one of ours.
tests=$(env -u MAKEFLAGS -u MAKEOVERRIDES -u TESTS make -s -C "$top_builddir" list-tests)
missing=0
for name in $(grep -oE '(base|job|data|store|recipe|bitrun)/test_[a-z]+' debian/rules rpm/bit.spec | cut -d: -f2); do
    case " $tests " in *" tests/$name "*) ;; *) echo "    there is no $name"; missing=1 ;; esac
done
ok $missing "the tests that packages run exist"
for place in system user; do
    unit="$top_builddir/packaging/systemd/$place/bit-job@.service"
    ! grep -q '@[a-z_]*@' "$unit" && grep -q '^ExecStart=/.*/bit-launch ' "$unit"
    ok $? "the $place's unit is complete"
    if command -v systemd-analyze >/dev/null; then
        mkdir -p "$scratch/verify"
        sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$unit" >"$scratch/verify/bit-job@.service"
        said=$(systemd-analyze --man=no verify "$scratch/verify/bit-job@.service" 2>&1 | grep bit-job)
        rm -r "$scratch/verify"
        [ -z "$said" ]
        ok $? "systemd-analyze on the $place's unit $said"
    fi
done
for unit in user/bitd.service system/bitd@.service; do
    [ -e "$top_builddir/packaging/systemd/$unit" ] || continue
    ! grep -q '@[a-z_]*@' "$top_builddir/packaging/systemd/$unit" && grep -qx KillMode=process "$top_builddir/packaging/systemd/$unit" &&
        grep -qx OOMPolicy=continue "$top_builddir/packaging/systemd/$unit"
    ok $? "$unit leaves jobs alone when it is stopped, or when the kernel ends a rank"
    if command -v systemd-analyze >/dev/null; then
        mkdir -p "$scratch/verify"
        name=${unit#*/}
        sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$top_builddir/packaging/systemd/$unit" >"$scratch/verify/$name"
        # With an instance: only then are its names and folders looked at.
        case $name in *@*) cp "$scratch/verify/$name" "$scratch/verify/${name/@/@train}" ;; esac
        options=(--man=no)
        case $unit in user/*) options+=(--user) ;; esac
        said=$(XDG_RUNTIME_DIR=$scratch systemd-analyze "${options[@]}" verify "$scratch/verify/${name/@/@train}" 2>&1 | grep bitd)
        rm -r "$scratch/verify"
        [ -z "$said" ]
        ok $? "systemd-analyze on $unit $said"
    fi
done
if command -v python3 >/dev/null; then
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' spack/packages/bit/package.py
    ok $? "package.py is Python"
fi
if command -v rpmspec >/dev/null; then
    rpmspec -P --define "_unitdir /u" --define "_userunitdir /u" rpm/bit.spec >/dev/null
    ok $? "bit.spec is a spec"
fi
exit $bad
