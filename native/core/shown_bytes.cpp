#include "core/shown_bytes.h"

#include <cstdio>
#include <iterator>

namespace amalgam::core {

std::string shown_bytes(std::uint64_t bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 999.5 && unit + 1 < std::size(units); ++unit) amount /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, amount < 9.95 && unit > 0 ? "%.1f %s" : "%.0f %s", amount, units[unit]);
  return text;
}

}  // namespace amalgam::core
