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
set(objects $<TARGET_OBJECTS:condolock_core> $<TARGET_OBJECTS:condolock_api>)
if(CONDOLOCK_TLS)
  list(APPEND objects $<TARGET_OBJECTS:condolock_tls>)
  target_compile_definitions(condolock_api PRIVATE CONDOLOCK_TLS)
endif()
add_library(condolock STATIC ${objects})
add_library(condolock_shared SHARED ${objects})
add_library(condolock::condolock ALIAS condolock)

set(private_libraries hiredis cares)
if(CONDOLOCK_TLS)
  list(APPEND private_libraries ssl crypto)
endif()
if(CONDOLOCK_EMBEDDED)
  list(APPEND private_libraries lua5.1 sqlite3)
endif()
foreach(library condolock condolock_shared)
  target_compile_features(${library} PUBLIC cxx_std_20)
  target_include_directories(${library} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/src/api> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
foreach(name ${private_libraries})
  # The code of an archive may not be relocatable, so the shared library links the shared form.
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

# ---- what is installed
include(CMakePackageConfigHelpers)
set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/condolock)
set_target_properties(condolock PROPERTIES EXPORT_NAME static)
set_target_properties(condolock_shared PROPERTIES EXPORT_NAME shared)
install(TARGETS condolock EXPORT condolock_static)
install(TARGETS condolock_shared EXPORT condolock_shared)
foreach(form static shared)
  install(EXPORT condolock_${form} FILE condolock-${form}.cmake NAMESPACE condolock:: DESTINATION ${package_directory})
endforeach()
install(DIRECTORY ${public_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")

set(private_modules "")
foreach(name ${private_libraries})
  list(APPEND private_modules ${${name}_pc_MODULE_NAME})
endforeach()
# By their names, not as required modules: a program that links the shared library needs no development packages of them.
set(pc_libraries "")
foreach(name ${private_libraries})
  list(TRANSFORM ${name}_pc_LIBRARY_DIRS PREPEND -L OUTPUT_VARIABLE directories)
  list(TRANSFORM ${name}_pc_LIBRARIES PREPEND -l OUTPUT_VARIABLE libraries)
  list(APPEND pc_libraries ${directories} ${libraries})
endforeach()
list(JOIN pc_libraries " " pc_libraries)
string(REPLACE ";" " " private_modules "${private_modules}")
# The directories may be absolute, as distributions like them. Otherwise the files may be moved together.
set(pc_prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  set(pc_prefix "\${pcfiledir}/${up}")
endif()
foreach(kind INCLUDEDIR LIBDIR)
  string(TOLOWER pc_${kind} variable)
  cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_${kind} BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE ${variable})
endforeach()
configure_file(src/api/condolock.pc.in condolock.pc @ONLY)
configure_package_config_file(src/api/condolockConfig.cmake.in condolockConfig.cmake INSTALL_DESTINATION ${package_directory})
write_basic_package_version_file(condolockConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/condolockConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/condolockConfigVersion.cmake
  DESTINATION ${package_directory})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/condolock.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
