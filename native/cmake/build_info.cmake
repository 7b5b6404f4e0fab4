# Run at build time: writes OUTPUT from the sources named in LIST_FILE (relative to ROOT, one per line).
file(STRINGS "${LIST_FILE}" sources)
list(SORT sources)
set(digests "")
foreach(source IN LISTS sources)
  file(SHA256 "${ROOT}/${source}" digest)
  string(APPEND digests "${source} ${digest}\n")
endforeach()
string(SHA256 id "${digests}")
string(SUBSTRING "${id}" 0 16 id)
file(WRITE "${OUTPUT}" "// Written by cmake/build_info.cmake.
#include \"core/build_info.h\"

namespace amalgam::core {

std::string_view build_version() { return \"${VERSION}\"; }
std::string_view build_compiler() { return \"${COMPILER}\"; }
std::string_view build_id() { return \"${id}\"; }

}  // namespace amalgam::core
")
