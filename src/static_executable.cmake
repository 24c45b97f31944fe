# The program as one static file: it starts about twice as fast as with shared libraries (docs/development.md has the figures).
include(CheckCXXSourceCompiles)

# find_library_in_both_forms(NAME MODULE...): an imported target condolock_NAME for the first of these modules that pkg-config
# knows. decide_static_linking() makes it the static library if all of them are installed, and links the static libraries
# that it needs. Until then it is the shared one.
function(find_library_in_both_forms name)
  find_package(PkgConfig REQUIRED)
  pkg_search_module(${name}_pc REQUIRED ${ARGN})
  list(GET ${name}_pc_LIBRARIES 0 library)
  find_library(${name}_shared NAMES ${library} HINTS ${${name}_pc_LIBRARY_DIRS} REQUIRED)
  find_library(${name}_archive NAMES lib${library}.a HINTS ${${name}_pc_LIBRARY_DIRS})
  mark_as_advanced(${name}_shared ${name}_archive)
  set(needs "")
  set(libraries ${${name}_pc_STATIC_LIBRARIES})
  list(FILTER libraries EXCLUDE REGEX "^(${library}|c|dl|m|pthread|rt)$") # itself, and what the compiler adds
  foreach(library ${libraries})
    find_library(condolock_archive_${library} NAMES lib${library}.a HINTS ${${name}_pc_STATIC_LIBRARY_DIRS})
    mark_as_advanced(condolock_archive_${library})
    if(condolock_archive_${library})
      list(APPEND needs ${condolock_archive_${library}})
    endif()
  endforeach()
  set(${name}_needs ${needs} PARENT_SCOPE)
  add_library(condolock_${name} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(condolock_${name} PROPERTIES
    IMPORTED_LOCATION ${${name}_shared}
    INTERFACE_INCLUDE_DIRECTORIES "${${name}_pc_INCLUDE_DIRS}")
  set_property(GLOBAL APPEND PROPERTY CONDOLOCK_LIBRARIES ${name})
endfunction()

# decide_static_linking(): sets CONDOLOCK_LINK_STATIC from CONDOLOCK_STATIC and the installed libraries, and says why if it
# cannot link statically.
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
  set(CMAKE_REQUIRED_FLAGS -fPIE)
  set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
  check_cxx_source_compiles("#include <string>\nint main(int argc, char**) { return std::string(argc, 'x').empty(); }"
                            CONDOLOCK_STATIC_RUNTIME)
  if(NOT CONDOLOCK_STATIC_RUNTIME)
    list(APPEND missing "static C and C++ library")
  endif()
  if(CONDOLOCK_TLS AND NOT missing)
    set(CMAKE_REQUIRED_INCLUDES ${ssl_pc_INCLUDE_DIRS})
    set(CMAKE_REQUIRED_LIBRARIES ${ssl_archive} ${crypto_archive} ${crypto_needs})
    check_cxx_source_compiles("#include <openssl/ssl.h>\nint main() { return SSL_CTX_new(TLS_client_method()) == nullptr; }"
                              CONDOLOCK_STATIC_OPENSSL)
    if(NOT CONDOLOCK_STATIC_OPENSSL)
      unset(CONDOLOCK_STATIC_OPENSSL CACHE) # try again when they are installed
      list(APPEND missing "static library that libcrypto.a needs (libzstd.a, libz.a)")
    endif()
  endif()
  if(missing)
    list(JOIN missing ", " text)
    if(CONDOLOCK_STATIC STREQUAL "AUTO")
      message(NOTICE "condolock: linking shared libraries, so it will start about twice as slowly as a static build: no ${text}")
      return()
    endif()
    message(FATAL_ERROR "CONDOLOCK_STATIC is ON, but there is no ${text}")
  endif()
  foreach(name ${names})
    set_target_properties(condolock_${name} PROPERTIES
      IMPORTED_LOCATION ${${name}_archive}
      INTERFACE_LINK_LIBRARIES "${${name}_needs}")
  endforeach()
  set(CONDOLOCK_LINK_STATIC ON PARENT_SCOPE)
endfunction()

function(make_static_executable target)
  # static-pie, so that the kernel loads it at a random address like any other program. That makes a granted run slower by
  # 0.03 of the bare C program in tests/bench; docs/development.md has the figures.
  # --no-warnings: the linker warns that SQLite, Lua and c-ares use dlopen and name services, which a static program can't use
  # fully. They are not called (names are resolved without them, extensions are off). That our own code has no such call is
  # tested: no_name_services in tests/CMakeLists.txt.
  target_link_options(${target} PRIVATE -static-pie -Wl,--no-warnings)
  if(CONDOLOCK_EMBEDDED)
    set(layout ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/engine/embedded/layout.ld)
    target_link_options(${target} PRIVATE -Wl,-T,${layout})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${layout})
  endif()
endfunction()
