# The C++ library, static and shared. It adds the API, with the thread of a context, to condolock_core. The command links the core
# alone.
find_package(Threads REQUIRED)

add_library(condolock_api OBJECT
  src/api/condition_context.cpp
  src/api/conditional_lock.cpp
  src/api/engine.cpp
  src/api/guard.cpp
  src/api/lease_thread.cpp)
target_link_libraries(condolock_api PUBLIC condolock_core PRIVATE condolock_flags)

set(public_headers src/api/condolock)
add_library(condolock STATIC $<TARGET_OBJECTS:condolock_core> $<TARGET_OBJECTS:condolock_api>)
add_library(condolock_shared SHARED $<TARGET_OBJECTS:condolock_core> $<TARGET_OBJECTS:condolock_api>)
add_library(condolock::condolock ALIAS condolock)

set(private_libraries hiredis cares)
if(CONDOLOCK_EMBEDDED)
  list(APPEND private_libraries lua5.1 sqlite3)
endif()
foreach(library condolock condolock_shared)
  target_compile_features(${library} PUBLIC cxx_std_20)
  target_include_directories(${library} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src/api> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
foreach(name ${private_libraries})
  # A static library is in the program that links it what the program has: any of both forms. A shared one can't hold the code of an
  # archive, which may not be relocatable.
  target_link_libraries(condolock PRIVATE $<BUILD_INTERFACE:condolock_${name}>)
  target_link_libraries(condolock_shared PRIVATE ${${name}_shared})
endforeach()
target_link_libraries(condolock PUBLIC Threads::Threads)
target_link_libraries(condolock_shared PRIVATE Threads::Threads)

# Before 1.0, a minor version may break what links the library (semver.org, 4).
set_target_properties(condolock_shared PROPERTIES
  OUTPUT_NAME condolock
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# Nothing but the API is exported, and all of it is resolved now.
target_link_options(condolock_shared PRIVATE -Wl,-z,defs -Wl,--gc-sections)
set_target_properties(condolock_core condolock_api PROPERTIES
  POSITION_INDEPENDENT_CODE ON
  CXX_VISIBILITY_PRESET hidden
  VISIBILITY_INLINES_HIDDEN ON)
