# amalgam.node: the library behind Node-API. The symbols of Node-API come from the process that loads it.
if(NOT AMALGAM_ADDON)
  return()
endif()
if(NOT EXISTS "${NODE_ADDON_API_DIR}/napi.h" OR NOT EXISTS "${NODE_API_HEADERS_DIR}/node_api.h")
  message(FATAL_ERROR "The addon needs the headers of node-addon-api and node-api-headers: run it by `node build.mjs`, "
                      "or configure with -DAMALGAM_ADDON=OFF.")
endif()

add_library(amalgam_node_api INTERFACE)
target_link_libraries(amalgam_node_api INTERFACE amalgam_core)
target_include_directories(amalgam_node_api SYSTEM INTERFACE ${NODE_ADDON_API_DIR} ${NODE_API_HEADERS_DIR})
target_compile_definitions(amalgam_node_api INTERFACE
                           NAPI_VERSION=8 NODE_ADDON_API_CPP_EXCEPTIONS_ALL NODE_ADDON_API_DISABLE_DEPRECATED
                           NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED)

# All of the addon but its table of jobs, which the tests have their own of.
file(GLOB addon_sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} addon/*.cpp jobs/*.cpp)
list(REMOVE_ITEM addon_sources jobs/job_table.cpp)
add_library(amalgam_addon_parts OBJECT ${addon_sources})
target_link_libraries(amalgam_addon_parts PRIVATE amalgam_node_api)

function(add_node_addon name job_table)
  add_library(${name} MODULE $<TARGET_OBJECTS:amalgam_addon_parts> ${job_table})
  target_link_libraries(${name} PRIVATE amalgam_node_api)
  set_target_properties(${name} PROPERTIES PREFIX "" SUFFIX ".node")
  if(APPLE)
    target_link_options(${name} PRIVATE -undefined dynamic_lookup)
  endif()
endfunction()

add_node_addon(amalgam jobs/job_table.cpp)
