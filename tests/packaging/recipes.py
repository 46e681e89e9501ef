#!/usr/bin/env python3
"""What the packaging files say, against configure.ac.

recipes.py WHAT SOURCE: compare; says what is wrong and exits with 1, or 0.
recipes.py installed SOURCE STAGE: the files that the easyconfig expects are in
STAGE, the folder of an installation.
"""
import glob
import os
import re
import sys
import types

source = sys.argv[2]
wrong = []


def read(name):
    with open(os.path.join(source, name), encoding="utf-8") as f:
        return f.read()


def the(pattern, name):
    """The one thing that the pattern's group finds in a file."""
    found = re.search(pattern, read(name), re.M)
    return found.group(1) if found else "nothing like " + pattern


def same(what, got, wanted):
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted(set(got) | set(wanted)):
            same(f"{what}: {key}", got.get(key), wanted.get(key))
    elif isinstance(wanted, set) and isinstance(got, set):
        same(what, dict.fromkeys(got, "there"), dict.fromkeys(wanted, "there"))
    elif got != wanted:
        wrong.append(f"{what}: {got!r}, but should be {wanted!r}")


def number(version):
    return tuple(int(part) for part in re.findall(r"\d+", version or "0"))


# ---- configure.ac ----

INIT = re.search(
    r"^AC_INIT\(\[(\S+)\],\s*\[(\S+)\],\s*\[(\S+)\],\s*\[(\S+)\],\s*\[(\S+)\]\)",
    read("configure.ac"), re.M)
if not INIT:
    sys.exit("configure.ac: AC_INIT without name, version, address, name, URL")
NAME, VERSION, ADDRESS, _, URL = INIT.groups()


def libraries():
    """What configure looks for: name, least version, Debian's packages."""
    found = {}
    for name, module, package in re.findall(
            r"^MPIBATCH_LIB\(\[(\w+)\],\s*\[([^]]+)\].*?\[([\w.+ -]+)\]\)",
            read("configure.ac"), re.M | re.S):
        least = module.split(">=")[1].strip() if ">=" in module else ""
        found[name] = (least, package.split())
    for name in re.findall(r"^MPIBATCH_LIB_(\w+)$", read("configure.ac"), re.M):
        text = "".join(read(os.path.relpath(f, source)) for f in
                       sorted(glob.glob(os.path.join(source, "m4", "*.m4"))))
        body = text[text.index(f"AC_DEFUN([MPIBATCH_LIB_{name}]"):]
        body = body[:body.find("\nAC_DEFUN", 1)] if "\nAC_DEFUN" in body[1:] else body
        missing = re.search(r"MPIBATCH_MISSING\(\[[^]]*\], \[([^]]*)\]\)", body)
        package = re.search(r"install (lib\S+-dev)\)", body)
        found[name] = ("", (missing or package).group(1).split())
    return found


LIBRARIES = libraries()
if len(LIBRARIES) < 8:
    sys.exit(f"configure.ac: only these libraries found: {sorted(LIBRARIES)}")
# the names that others have for them; cmocka is for the tests
SPACK = {"MPI": "mpi", "HWLOC": "hwloc", "HDF5": "hdf5", "YAML": "libyaml",
         "PCRE2": "pcre2", "JANSSON": "jansson", "ROARING": "croaring",
         "NETTLE": "nettle", "XXHASH": "xxhash", "ARCHIVE": "libarchive",
         "ZLIB": "zlib", "CURL": "curl", "CMOCKA": "cmocka"}
EASYBUILD = {"MPI": None, "HWLOC": "hwloc", "HDF5": "HDF5", "YAML": "libyaml",
             "PCRE2": "PCRE2", "JANSSON": "Jansson", "ROARING": "CRoaring",
             "NETTLE": "nettle", "XXHASH": "xxHash", "ARCHIVE": "libarchive",
             "ZLIB": "zlib", "CURL": "cURL", "CMOCKA": None}


def known(names, whose):
    for name in set(LIBRARIES) ^ set(names):
        wrong.append(f"{name}: configure.ac and {whose} of recipes.py differ")
    return [name for name in sorted(LIBRARIES) if name in names]


# ---- the recipes, executed ----

def spack(name):
    """The class of a Spack recipe, with its directives as it gave them."""
    calls = []
    module = types.ModuleType("spack.package")
    for directive in ("version", "depends_on", "conflicts", "variant", "license"):
        def record(*args, directive=directive, **keywords):
            calls.append((directive, args, keywords))
        setattr(module, directive, record)
    for base in ("AutotoolsPackage", "CMakePackage"):
        setattr(module, base, type(base, (), {}))
    sys.modules["spack"] = types.ModuleType("spack")
    sys.modules["spack.package"] = module
    path = f"packaging/spack/packages/{name}/package.py"
    scope = {}
    exec(compile(read(path), path, "exec"), scope)
    classes = [c for c in scope.values() if isinstance(c, type) and c.__mro__[1:2]
               and c.__mro__[1].__name__ in ("AutotoolsPackage", "CMakePackage")]
    if len(classes) != 1 or classes[0].__name__.lower() != name:
        sys.exit(f"{path}: the class should be {name.capitalize()}")
    return classes[0], calls


def depends(calls, kind=None):
    """What depends_on has: name -> (least version, variants)."""
    found = {}
    for directive, args, keywords in calls:
        if directive == "depends_on" and keywords.get("type") == kind:
            part = re.fullmatch(r"([\w-]+)(?:@([\d.]+):)?((?:[+~]\w+)*)", args[0])
            if not part:
                sys.exit(f"depends_on: {args[0]!r} is no spec that is known here")
            found[part[1]] = (part[2] or "", part[3])
    return found


def easyconfig(pattern):
    paths = glob.glob(os.path.join(source, "packaging/easybuild", pattern))
    if len(paths) != 1:
        sys.exit(f"packaging/easybuild/{pattern}: {len(paths)} files")
    scope = {"SOURCE_TAR_XZ": "%(name)s-%(version)s.tar.xz", "SHLIB_EXT": "so"}
    exec(compile(read(os.path.relpath(paths[0], source)), paths[0], "exec"), scope)
    scope.pop("__builtins__")
    return os.path.basename(paths[0]), scope


# ---- what is compared ----

def check_version():
    same("CITATION.cff", the(r"^version: (\S+)$", "CITATION.cff"), VERSION)
    same("CHANGELOG.md", the(r"^## \[([^]]+)\]", "CHANGELOG.md"), VERSION)
    same("debian/changelog", the(r"\A\w+ \(([^)]*)\) ", "debian/changelog"), VERSION)
    recipe, calls = spack("mpibatch")
    same("Spack", [a[0] for d, a, k in calls if d == "version"][:1], [VERSION])
    same("Spack's url", recipe.url.rsplit("/", 1)[1], f"{NAME}-{VERSION}.tar.xz")
    name, config = easyconfig("mpibatch-*.eb")
    same("EasyBuild", config["version"], VERSION)
    chain = config["toolchain"]
    same("the easyconfig's name", name,
         f"{NAME}-{VERSION}-{chain['name']}-{chain['version']}.eb")


def check_address():
    same("debian/control", the(r"^Maintainer: .*<(.*)>$", "debian/control"), ADDRESS)
    same("debian/changelog", the(r"^ -- .*<(.*)>  ", "debian/changelog"), ADDRESS)
    same("debian/copyright", the(r"^Upstream-Contact: .*<(.*)>$", "debian/copyright"), ADDRESS)
    same("CITATION.cff", the(r"^    email: (\S+)$", "CITATION.cff"), ADDRESS)
    same("debian/control", the(r"^Homepage: (.*)$", "debian/control"), URL)
    same("debian/copyright", the(r"^Source: (.*)$", "debian/copyright"), URL)
    same("CITATION.cff", the(r'^url: "(.*)"$', "CITATION.cff"), URL)
    same("Spack", spack("mpibatch")[0].homepage, URL)
    same("EasyBuild", easyconfig("mpibatch-*.eb")[1]["homepage"], URL)


def check_licence():
    if "Apache License" not in read("LICENSE"):
        wrong.append("LICENSE: not the Apache License")
    same("CITATION.cff", the(r"^license: (\S+)$", "CITATION.cff"), "Apache-2.0")
    same("debian/copyright", the(r"^Files: \*\n.*\nLicense: (.*)$", "debian/copyright"), "Apache-2.0")
    same("Spack", [a[0] for d, a, k in spack("mpibatch")[1] if d == "license"], ["Apache-2.0"])


def check_debian():
    field = the(r"^Build-Depends: ((?:.*\n )*.*)$", "debian/control")
    has = {}
    for item in field.split(","):
        part = re.fullmatch(r"(\S+)(?: \((>?=) (\S+)\))?(?: <(\S+)>)?", item.strip())
        has[part[1]] = (part[3] or "", part[4])
    wanted = {"debhelper-compat": ("13", None), "pkg-config": ("", None)}
    for name, (least, packages) in LIBRARIES.items():
        for package in packages:
            wanted[package] = (least, "!nocheck" if name == "CMOCKA" else None)
    same("Build-Depends", has, wanted)
    for package in sorted(p for l in LIBRARIES.values() for p in l[1]):
        if package != "libcmocka-dev" and package not in read("doc/install.md"):
            wrong.append(f"doc/install.md: {package} is not in the table of libraries")
    # the compiler is in build-essential, the autotools come with debhelper
    to_build = set(the(r"^to_build=\(([^)]*)\)", "quickstart").split())
    tools = {"autoconf", "automake", "make", "gcc", "libc6-dev"}
    same("quickstart's to_build", to_build,
         tools | {p for p in wanted if p not in ("debhelper-compat", "libcmocka-dev")})


def check_spack():
    if "namespace: mpibatch" not in read("packaging/spack/repo.yaml"):
        wrong.append("packaging/spack/repo.yaml: no namespace")
    recipe, calls = spack("mpibatch")
    linked = depends(calls)
    for name in known(SPACK, "SPACK"):
        least = LIBRARIES[name][0]
        where = depends(calls, "test") if name == "CMOCKA" else linked
        if SPACK[name] not in where:
            wrong.append(f"Spack: no depends_on {SPACK[name]}")
        else:
            same(f"Spack's least {SPACK[name]}", where[SPACK[name]][0], least)
    for name in set(linked) - set(SPACK.values()):
        wrong.append(f"Spack: configure does not look for {name}")
    same("Spack's hdf5", linked.get("hdf5"), ("", "+hl~mpi"))
    built = depends(calls, "build")
    same("Spack's tools", set(built), {"c", "autoconf", "automake", "pkgconfig"})
    same("Spack's automake", built["automake"][0],
         the(r"^AM_INIT_AUTOMAKE\(\[([\d.]+)", "configure.ac"))
    package = recipe()
    package.spec = {"mpi": types.SimpleNamespace(mpicc="/mpi/bin/mpicc")}
    same("Spack's configure_args", package.configure_args(), ["MPICC=/mpi/bin/mpicc"])
    spack("croaring")[0]().cmake_args()


def check_easybuild():
    name, config = easyconfig("mpibatch-*.eb")
    for key in ("name", "version", "homepage", "description", "toolchain",
                "sources", "moduleclass", "easyblock", "sanity_check_paths"):
        if not config.get(key):
            wrong.append(f"{name}: no {key}")
    same("toolchain", sorted(config["toolchain"]), ["name", "version"])
    same("its MPI", config["toolchain"]["name"] in ("foss", "gompi"), True)
    same("its tools", [d[0] for d in config["builddependencies"]], ["pkgconf"])
    has = {d[0]: d for d in config["dependencies"]}
    for library in known(EASYBUILD, "EASYBUILD"):
        its = EASYBUILD[library]
        if its is None:
            continue
        if its not in has:
            wrong.append(f"{name}: {its} is missing")
        elif number(has[its][1]) < number(LIBRARIES[library][0]):
            wrong.append(f"{name}: {its} {has[its][1]} is too old")
    for its in set(has) - set(EASYBUILD.values()):
        wrong.append(f"{name}: configure does not look for {its}")
    same("HDF5 without MPI", has["HDF5"][2:], ("-serial",))
    name, roaring = easyconfig("CRoaring-*.eb")
    same(name, has["CRoaring"][1], roaring["version"])
    same("CRoaring's name", name,
         f"CRoaring-{roaring['version']}-{roaring['toolchain']['name']}-"
         f"{roaring['toolchain']['version']}.eb")
    _, calls = spack("croaring")
    same("its checksum", roaring["checksums"],
         [k["sha256"] for d, a, k in calls if d == "version" and a[0] == roaring["version"]])


def check_documents():
    """What README.md and CONTRIBUTING.md point to is there."""
    for document in ("README.md", "CONTRIBUTING.md"):
        text = read(document)
        paths = re.findall(r"\]\(([^)#:]+)\)", text)
        paths += re.findall(r"`((?:src|tests|packaging|debian|build-aux|jobspecs|examples)/[^`\s]*)`", text)
        if len(paths) < 5:
            wrong.append(f"{document}: only {len(paths)} paths found")
        for path in paths:
            pattern = re.search(r"[<*]|NAME", path)
            if not pattern and not os.path.exists(os.path.join(source, path)):
                wrong.append(f"{document}: {path} is not there")
    page = read("CONTRIBUTING.md")
    layers = [line.split(":")[0] for line in
              read("build-aux/layers.txt").split("# foreign header")[0].splitlines()
              if line and not line.startswith("#")]
    for layer in layers:
        if os.path.isdir(os.path.join(source, "src", layer)) and f"`{layer}/`" not in page:
            wrong.append(f"CONTRIBUTING.md: nothing about src/{layer}/")


def check_installed():
    paths = easyconfig("mpibatch-*.eb")[1]["sanity_check_paths"]
    for path in paths["files"] + paths["dirs"]:
        if not os.path.exists(os.path.join(sys.argv[3], path)):
            wrong.append(f"sanity_check_paths: {path} is not installed")


def check_citation():
    """What the Citation File Format 1.2.0 demands, and no key it does not know."""
    import yaml
    text = yaml.safe_load(read("CITATION.cff"))
    allowed = {"abstract", "authors", "cff-version", "commit", "contact",
               "date-released", "doi", "identifiers", "keywords", "license",
               "license-url", "message", "preferred-citation", "references",
               "repository", "repository-artifact", "repository-code", "title",
               "type", "url", "version"}
    entity = {"address", "alias", "city", "country", "date-end", "date-start",
              "email", "fax", "location", "name", "orcid", "post-code", "region",
              "tel", "website"}
    for key in {"authors", "cff-version", "message", "title"} - set(text):
        wrong.append(f"{key} is missing")
    for key in set(text) - allowed:
        wrong.append(f"{key} is no key of the format")
    same("cff-version", text["cff-version"], "1.2.0")
    same("type", text["type"], "software")
    same("version is a text", isinstance(text["version"], str), True)
    same("authors", bool(text["authors"]), True)
    for author in text["authors"]:
        same("an entity has a name", isinstance(author.get("name"), str), True)
        for key in set(author) - entity:
            wrong.append(f"authors: {key} is no key of an entity")
    for url in [text["url"]] + [a["website"] for a in text["authors"]]:
        same(url, bool(re.match(r"https?://", url)), True)
    keywords = text["keywords"]
    same("keywords", len(set(keywords)), len(keywords))


globals()["check_" + sys.argv[1]]()
for line in wrong:
    print(line)
sys.exit(bool(wrong))
