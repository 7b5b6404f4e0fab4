// Adapters made in a test, merge jobs over them, and the dense sums that judge the results.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/dtype.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/safetensors.h"
#include "dense_reference.h"
#include "merge/run_merge.h"
#include "random_matrix.h"
#include "runner.h"

namespace amalgam::test {

/// An adapter's factors in one module, as numbers that its dtype holds exactly.
struct Factors {
  core::Matrix<float> a;  // rank x in
  core::Matrix<float> b;  // out x rank
};

struct Adapter {
  std::map<std::string, Factors> modules;
  double scaling = 1;
  core::DType dtype = core::DType::F32;
};

inline std::string a_name(const std::string& module) { return "base_model.model." + module + ".lora_A.weight"; }
inline std::string b_name(const std::string& module) { return "base_model.model." + module + ".lora_B.weight"; }

inline Adapter copy_of(const Adapter& adapter) {
  Adapter copy{{}, adapter.scaling, adapter.dtype};
  for (const auto& [name, factors] : adapter.modules) copy.modules[name] = {factors.a.copy(), factors.b.copy()};
  return copy;
}

/// Random factors, rounded to `dtype`.
inline Factors random_factors(Random& random, std::int64_t out, std::int64_t in, std::int64_t rank, core::DType dtype) {
  Factors factors{random_matrix<float>(random, rank, in), random_matrix<float>(random, out, rank)};
  for (core::Matrix<float>* matrix : {&factors.a, &factors.b}) {
    std::vector<std::byte> stored(static_cast<std::size_t>(matrix->size()) * 4);
    core::from_f32(dtype, matrix->data(), matrix->size(), stored.data());
    core::to_f32(dtype, stored.data(), matrix->size(), matrix->data());
  }
  return factors;
}

inline void write_adapter(const std::string& path, const Adapter& adapter) {
  std::vector<core::TensorPlan> plan;
  for (const auto& [name, factors] : adapter.modules) {
    plan.push_back({a_name(name), adapter.dtype, {factors.a.rows(), factors.a.cols()}});
    plan.push_back({b_name(name), adapter.dtype, {factors.b.rows(), factors.b.cols()}});
  }
  core::SafetensorsWriter writer(path, plan, {});
  for (const auto& [name, factors] : adapter.modules) {
    writer.write_f32(a_name(name), factors.a.data());
    writer.write_f32(b_name(name), factors.b.data());
  }
  writer.finish();
}

/// Changes the one place of a file that holds the bytes of `from`; for values that no writer of ours would write.
inline void replace_float(const std::string& path, float from, float to) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string pattern(reinterpret_cast<const char*>(&from), sizeof from);
  const std::size_t place = bytes.find(pattern);
  if (place == std::string::npos || bytes.find(pattern, place + 1) != std::string::npos) {
    fail("the value to replace is not there exactly once", AMALGAM_HERE);
  }
  file.clear();
  file.seekp(static_cast<std::streamoff>(place));
  file.write(reinterpret_cast<const char*>(&to), sizeof to);
}

/// A merge job in short.
struct Merge {
  std::string method = "concat";
  std::vector<double> coefficients;  ///< one per adapter; empty: all 1
  std::int64_t rank = -1;            ///< kept rank of every module
  std::int64_t output_rank = 0;      ///< 0: the largest that any module can need
  std::string dtype = "float32";
  int threads = 1;
  core::Json params = core::Json::object({});  ///< of the recipe, complete
  std::int64_t seed = 1;
};

struct Merged {
  core::Json result;
  std::map<std::string, Dense> deltas;  ///< B A of every module, as written
  std::map<std::string, std::int64_t> written_ranks;
};

/// A new folder inside the test's own.
inline std::string fresh_folder() {
  static int count = 0;
  const std::string folder = scratch_folder() + "/" + std::to_string(count++);
  std::filesystem::create_directory(folder);
  return folder;
}

/// A number that files of equal content share.
inline std::string content_hash(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return std::to_string(std::hash<std::string>{}(bytes));
}

/// Writes the adapters into a new folder and makes the request over them. Modules are the union, in name order.
inline core::Json make_request(const std::vector<const Adapter*>& adapters, const Merge& merge) {
  using core::Json;
  std::map<std::string, Json> sources;
  std::map<std::string, const Factors*> shapes;
  std::map<std::string, std::int64_t> stacked;
  Json adapter_rows = Json::array();
  const std::string folder = fresh_folder();
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const std::string id = "adapter-" + std::to_string(i);
    const std::string path = folder + "/" + id;
    write_adapter(path, *adapters[i]);
    adapter_rows.push(Json::object({{"id", id},
                                    {"name", id},
                                    {"contentHash", content_hash(path)},
                                    {"tensorHash", id},
                                    {"weightsFile", path},
                                    {"params", Json::object({})}}));
    for (const auto& [name, factors] : adapters[i]->modules) {
      sources[name].push(Json::object({{"adapter", i},
                                       {"a", a_name(name)},
                                       {"b", b_name(name)},
                                       {"rank", factors.a.rows()},
                                       {"scaling", adapters[i]->scaling},
                                       {"coefficient", merge.coefficients.empty() ? 1.0 : merge.coefficients[i]}}));
      shapes[name] = &factors;
      stacked[name] += factors.a.rows();
    }
  }
  Json modules = Json::array();
  std::int64_t output_rank = merge.output_rank;
  for (const auto& [name, rows] : sources) {
    modules.push(Json::object({{"name", name},
                               {"in", shapes[name]->a.cols()},
                               {"out", shapes[name]->b.rows()},
                               {"rank", merge.rank},
                               {"outputA", a_name(name)},
                               {"outputB", b_name(name)},
                               {"sources", rows}}));
    if (merge.output_rank == 0) output_rank = std::max(output_rank, merge.rank == -1 ? stacked[name] : merge.rank);
  }
  const Json output = Json::object({{"dtype", merge.dtype}, {"rank", output_rank}});
  const Json job = Json::object({{"schema", 1},
                                 {"kind", "merge"},
                                 {"method", merge.method},
                                 {"params", merge.params},
                                 {"adapters", adapter_rows},
                                 {"modules", modules},
                                 {"output", output},
                                 {"seed", merge.seed},
                                 {"device", "cpu"}});
  return Json::object({{"job", job}, {"outFile", folder + "/merged"}, {"threads", merge.threads}});
}

inline Dense to_dense(const core::Matrix<float>& matrix) {
  Dense dense(matrix.rows(), matrix.cols());
  for (std::int64_t i = 0; i < matrix.size(); ++i) dense.data()[i] = matrix.data()[i];
  return dense;
}

inline core::Matrix<float> read_matrix(const core::SafetensorsReader& file, const std::string& name) {
  const core::TensorInfo& tensor = file.at(name);
  core::Matrix<float> matrix(tensor.rows(), tensor.row_length());
  file.read_f32(tensor, matrix.data());
  return matrix;
}

/// Runs the merge and reads back what it wrote.
inline Merged run(const std::vector<const Adapter*>& adapters, const Merge& merge) {
  const core::Json request = make_request(adapters, merge);
  core::Progress progress;
  const core::CancelToken cancel;
  Merged merged;
  merged.result = amalgam::merge::run_merge(request, progress, cancel);
  const core::SafetensorsReader file(request.get_string("outFile"));
  for (const core::Json& module : request.at("job").get_array("modules")) {
    const std::string& name = module.get_string("name");
    const core::Matrix<float> a = read_matrix(file, a_name(name));
    const core::Matrix<float> b = read_matrix(file, b_name(name));
    merged.written_ranks[name] = a.rows();
    merged.deltas[name] = multiply(to_dense(b), to_dense(a));
  }
  return merged;
}

/// scaling * B A
inline Dense delta_of(const Adapter& adapter, const std::string& module) {
  const Factors& factors = adapter.modules.at(module);
  Dense delta = multiply(to_dense(factors.b), to_dense(factors.a));
  for (std::int64_t i = 0; i < delta.size(); ++i) delta.data()[i] *= adapter.scaling;
  return delta;
}

/// sum_i c_i scaling_i B_i A_i over the adapters that have the module.
inline Dense dense_sum(const std::vector<const Adapter*>& adapters, const std::vector<double>& coefficients,
                       const std::string& module) {
  Dense sum;
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    if (!adapters[i]->modules.contains(module)) continue;
    const Dense delta = delta_of(*adapters[i], module);
    if (sum.size() == 0) sum = Dense(delta.rows(), delta.cols());
    add(sum, coefficients.empty() ? 1.0 : coefficients[i], delta);
  }
  return sum;
}

/// The row of one module in a result.
inline const core::Json& module_row(const core::Json& result, const std::string& name) {
  for (const core::Json& row : result.get_array("modules")) {
    if (row.get_string("name") == name) return row;
  }
  fail("no module " + name + " in the result", AMALGAM_HERE);
}

}  // namespace amalgam::test
