# Standard headers that nearly every file reads, parsed once: they took a quarter of the time of a build. Every file still
# includes what it uses; -DAMALGAM_PRECOMPILE=OFF shows whether it does.
option(AMALGAM_PRECOMPILE "parse the standard headers once" ON)
set(precompiled_headers
    <algorithm> <array> <atomic> <bit> <chrono> <cmath> <cstdint> <cstring> <filesystem> <fstream> <functional> <limits>
    <map> <memory> <mutex> <numeric> <optional> <set> <span> <sstream> <stdexcept> <string> <string_view> <thread>
    <utility> <variant> <vector>)

function(precompile_standard_headers target)
  if(AMALGAM_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${precompiled_headers})
  endif()
endfunction()

# `target` is compiled with the same flags as `owner`.
function(reuse_standard_headers target owner)
  if(AMALGAM_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${owner})
  endif()
endfunction()
