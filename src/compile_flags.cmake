# condolock_flags: the compile options of every target of this project. A target links it privately, so that programs that use
# the library do not get these options.
add_library(condolock_flags INTERFACE)
target_compile_options(condolock_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
  -ffunction-sections -fdata-sections -fstack-protector-strong
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:POSITION_INDEPENDENT_CODE>>>:-fPIE>)
if(CONDOLOCK_WERROR)
  target_compile_options(condolock_flags INTERFACE -Werror)
endif()
# Sanitizers check the same functions better, and cannot check those that glibc has replaced. Their builds are not optimized,
# which halves the time that they take to compile.
if(NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
  if(NOT CMAKE_CXX_FLAGS MATCHES "_FORTIFY_SOURCE")  # a packager's own level
    target_compile_options(condolock_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
  if(CMAKE_CXX_FLAGS_DEBUG STREQUAL "-g")
    set(CMAKE_CXX_FLAGS_DEBUG "-g -Og")  # _FORTIFY_SOURCE needs some optimization
  endif()
endif()
# False warnings of g++ 12 in large translation units: it mistakes an inlined operator+ of a literal and a std::string for a copy
# of half the address space (its bugs 105329 and 105651), and moved variants for uninitialized ones. ./dev test --all compiles
# each file by itself with these warnings on.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(condolock_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-maybe-uninitialized)
endif()
