# The program as one static file: it starts about twice as fast as with shared libraries (docs/development.md has the figures).

# find_library_in_both_forms(NAME MODULE): an imported target NAME for pkg-config's MODULE. Whether it will be the shared or the
# static library is decided by decide_static_linking(), once it is known whether all are there.
function(find_library_in_both_forms name module)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(${name}_pc REQUIRED ${module})
  find_library(${name}_shared NAMES ${name} HINTS ${${name}_pc_LIBRARY_DIRS} REQUIRED)
  find_library(${name}_archive NAMES lib${name}.a HINTS ${${name}_pc_LIBRARY_DIRS})
  mark_as_advanced(${name}_shared ${name}_archive)
  add_library(${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION ${${name}_shared}
    INTERFACE_INCLUDE_DIRECTORIES "${${name}_pc_INCLUDE_DIRS}")
  set_property(GLOBAL APPEND PROPERTY CONDOLOCK_LIBRARIES ${name})
endfunction()

# decide_static_linking(): sets CONDOLOCK_LINK_STATIC as CONDOLOCK_STATIC and what is installed allow, and says why it can't.
function(decide_static_linking)
  set(CONDOLOCK_LINK_STATIC OFF PARENT_SCOPE)
  if(CONDOLOCK_STATIC STREQUAL "OFF" OR (CONDOLOCK_STATIC STREQUAL "AUTO" AND CMAKE_CXX_FLAGS MATCHES "-fsanitize"))
    return()
  endif()
  get_property(names GLOBAL PROPERTY CONDOLOCK_LIBRARIES)
  set(missing "")
  foreach(name ${names})
    if(NOT ${name}_archive)
      list(APPEND missing lib${name}.a)
    endif()
  endforeach()
  foreach(archive libc.a libstdc++.a)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${archive} OUTPUT_VARIABLE path
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT IS_ABSOLUTE "${path}")
      list(APPEND missing ${archive})
    endif()
  endforeach()
  if(missing)
    list(JOIN missing ", " text)
    if(CONDOLOCK_STATIC STREQUAL "AUTO")
      message(NOTICE "condolock: linking shared libraries, so it will start about twice as slowly as a static build: no ${text}")
      return()
    endif()
    message(FATAL_ERROR "CONDOLOCK_STATIC is ON, but there is no ${text}")
  endif()
  foreach(name ${names})
    set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${${name}_archive})
  endforeach()
  set(CONDOLOCK_LINK_STATIC ON PARENT_SCOPE)
endfunction()

function(make_static_executable target)
  # Non-PIE starts fastest. For it the compiler picks crtbeginT.o, with which the first C++ exception costs most of a
  # millisecond; the start files of a shared program and --eh-frame-hdr make that 20 us.
  # --no-warnings: the linker warns that SQLite, Lua and c-ares use dlopen and name services, which a static program can't use
  # fully. They are not called (names are resolved without them, extensions are off). That our own code has no such call is
  # tested: no_name_services in tests/CMakeLists.txt.
  foreach(object crt1.o crti.o crtbegin.o crtend.o crtn.o)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${object} OUTPUT_VARIABLE path
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    list(APPEND start_files ${path})
  endforeach()
  list(SUBLIST start_files 0 3 first)
  list(SUBLIST start_files 3 2 last)
  target_link_options(${target} PRIVATE -static -no-pie -nostartfiles ${first} -Wl,--eh-frame-hdr -Wl,--no-warnings)
  target_link_libraries(${target} PRIVATE ${last})
  if(CONDOLOCK_EMBEDDED)
    set(layout ${CMAKE_CURRENT_SOURCE_DIR}/src/engine/embedded/layout.ld)
    target_link_options(${target} PRIVATE -Wl,-T,${layout})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${layout})
  endif()
endfunction()
