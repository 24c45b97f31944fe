// What the shared library exports. Everything else in it is hidden.
#pragma once

#define CONDOLOCK_API __attribute__((visibility("default")))
#define CONDOLOCK_HIDDEN __attribute__((visibility("hidden")))
