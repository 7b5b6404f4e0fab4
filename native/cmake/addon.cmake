# amalgam.node: the library behind Node-API. The symbols of Node-API come from the process that loads it.
if(NOT AMALGAM_ADDON)
  return()
endif()
if(NOT EXISTS "${NODE_ADDON_API_DIR}/napi.h" OR NOT EXISTS "${NODE_API_HEADERS_DIR}/node_api.h")
  message(FATAL_ERROR "The addon needs the headers of node-addon-api and node-api-headers: run it by `node build.mjs`, "
                      "or configure with -DAMALGAM_ADDON=OFF.")
endif()

function(add_node_addon name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE amalgam_core)
  target_include_directories(${name} SYSTEM PRIVATE ${NODE_ADDON_API_DIR} ${NODE_API_HEADERS_DIR})
  target_compile_definitions(${name} PRIVATE NAPI_VERSION=8 NODE_ADDON_API_CPP_EXCEPTIONS_ALL NODE_ADDON_API_DISABLE_DEPRECATED
                                             NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".node")
  if(APPLE)
    target_link_options(${name} PRIVATE -undefined dynamic_lookup)
  endif()
endfunction()

file(GLOB addon_sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} addon/*.cpp jobs/*.cpp)
add_node_addon(amalgam ${addon_sources})
