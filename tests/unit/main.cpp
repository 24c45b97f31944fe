// Times are printed in the local zone. The tests expect UTC.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdlib>

int main(int argc, char** argv) {
  setenv("TZ", "UTC0", 1);
  return doctest::Context(argc, argv).run();
}
