# SPDX-License-Identifier: MIT
# link.sh: every libc name and every form of new and delete, in each way to get a program on
# rimalloc: preloaded, linked shared, linked static, object first, and the two in static programs.
source "$(dirname "$0")/lib.bash"
glibc "the programs call mallinfo2 or malloc_trim"
need "$CC" "$CXX" python3
cat > "$work/parse.py" << 'END'
import sys, xml.etree.ElementTree
root = xml.etree.ElementTree.parse(sys.argv[1]).getroot()
assert root.tag == "malloc" and root.get("version") == "1", root.tag
for kind in ("system", "total", "aspace", "rimalloc"):
    assert root.find(kind) is not None, kind
assert int(root.find("system").get("size")) > 0
assert int(root.find("total[@type='rest']").get("count")) > 0
sizes = root.findall("heap/sizes/size")
assert sizes
for size in sizes:
    assert int(size.get("total")) == int(size.get("count")) * int(size.get("to")), size.attrib
    assert int(size.get("from")) <= int(size.get("to"))
END
for way in $ways; do
  check "$way" conform.c
  check "$way" introspect.c "$work/info.xml"
  python3 "$work/parse.py" "$work/info.xml" || fail "$way: malloc_info is no well-formed XML"
  check "$way" early.c
  if has_cxx; then
    check "$way" new_delete.cc
    check "$way" new_replaced.cc
    check "$way" late.cc
  fi
done
