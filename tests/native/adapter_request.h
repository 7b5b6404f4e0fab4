// Adapters made in a test as requests name them, with their files written.
#pragma once

#include <string>

#include "core/json.h"
#include "merge_fixture.h"

namespace amalgam::test {

/// Writes the adapter to `path`; returns `{ name, weightsFile, modules: [{ name, a, b, rank, in, out, scaling }] }`.
inline core::Json adapter_request(const Adapter& adapter, const std::string& path) {
  using core::Json;
  write_adapter(path, adapter);
  Json modules = Json::array();
  for (const auto& [name, factors] : adapter.modules) {
    modules.push(Json::object({{"name", name},
                               {"a", a_name(name)},
                               {"b", b_name(name)},
                               {"rank", factors.a.rows()},
                               {"in", factors.a.cols()},
                               {"out", factors.b.rows()},
                               {"scaling", adapter.scaling}}));
  }
  return Json::object({{"name", path}, {"weightsFile", path}, {"modules", std::move(modules)}});
}

}  // namespace amalgam::test
