#include "lora/compare.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <ranges>
#include <utility>
#include <vector>

#include "core/cpu.h"
#include "core/safetensors.h"
#include "core/thread_pool.h"
#include "lora/compare_places.h"
#include "lora/compare_products.h"
#include "lora/factors.h"
#include "lora/request_adapter.h"
#include "lora/request_field.h"
#include "ops/gemm.h"

namespace amalgam::lora {

namespace {

using core::Json;
using core::Matrix;

/// Memory of the modules that are being compared at the same time.
constexpr std::int64_t most_bytes = 1'000'000'000;

/// A target module and who has it. `adapter` of a source counts within its side.
struct SharedModule {
  std::vector<UnitSource> left;
  std::vector<UnitSource> right;

  ComparedSources sources() const { return {left, right}; }
  std::uint64_t file_bytes() const {
    std::uint64_t bytes = 0;
    for (const std::vector<UnitSource>* side : {&left, &right}) {
      for (const UnitSource& source : *side) bytes += source.factors.file_bytes();
    }
    return bytes;
  }
  void prefetch() const {
    for (const std::vector<UnitSource>* side : {&left, &right}) {
      for (const auto& [file, a, b] : *side | std::views::transform(&UnitSource::factors)) {
        file->prefetch(*a);
        file->prefetch(*b);
      }
    }
  }
  std::int64_t working_bytes() const {
    const auto units = [](const std::vector<UnitSource>& side) {
      std::int64_t rank = 0;
      for (const UnitSource& source : side) rank += source.factors.rank();
      return rank;
    };
    const FactorPair& any = left.front().factors;
    return product_bytes(units(left), units(right), any.in(), any.out());
  }
};

/// How many modules are in memory at the same time, and how many of those are computed while the others are read.
struct Shares {
  int workers;
  int computing;
};

/// `fitting` modules fit into memory.
Shares shares_of(int threads, std::int64_t fitting, std::int64_t modules) {
  const std::int64_t computing = std::min({std::int64_t{threads}, (fitting + 1) / 2, std::max<std::int64_t>(1, modules)});
  const std::int64_t workers = std::max<std::int64_t>(1, std::min({2 * computing, fitting, modules}));
  return {static_cast<int>(workers), static_cast<int>(computing)};
}

/// The open files of a request and its modules in the order of their names.
class Comparison {
 public:
  explicit Comparison(const Field& root) {
    std::map<ModuleKey, SharedModule> modules;
    for (const Field& adapter : root.at("left").some_items()) {
      add(adapter, rows_++, [&](const auto& key) -> auto& { return modules[key].left; });
    }
    const Field right = root.at("right");
    symmetric_ = right.value().is_null();
    cols_ = symmetric_ ? rows_ : 0;
    if (!symmetric_) {
      for (const Field& adapter : right.some_items()) {
        add(adapter, cols_++, [&](const auto& key) -> auto& { return modules[key].right; });
      }
    }
    for (auto& [key, module] : modules) {
      if (!module.left.empty() && (symmetric_ || !module.right.empty())) modules_.push_back(std::move(module));
    }
  }

  Json run(int threads, core::Progress& progress, const core::CancelToken& cancel) const {
    std::uint64_t bytes = 0;
    std::int64_t largest = 1;
    for (const SharedModule& module : modules_) {
      bytes += module.file_bytes();
      largest = std::max(largest, module.working_bytes());
    }
    progress.stage("comparing", static_cast<std::int64_t>(bytes), "bytes");
    const auto count = static_cast<std::int64_t>(modules_.size());
    const Shares shares = shares_of(threads, std::max<std::int64_t>(1, most_bytes / largest), count);
    ComputingPlaces places(threads, shares.computing, cancel);
    // One result for each module, so that their sum does not depend on who came first.
    std::vector<Matrix<double>> products(modules_.size());
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> failed{false};
    core::ThreadPool pool(shares.workers);
    pool.parallel_for(shares.workers, [&](std::int64_t, std::int64_t, int) {
      try {
        ModuleUnits units;
        for (std::int64_t i = 0; !failed && (i = next.fetch_add(1)) < count;) {
          const SharedModule& module = modules_[static_cast<std::size_t>(i)];
          // The disk works while this one is read and computed.
          if (i + shares.workers < count) modules_[static_cast<std::size_t>(i + shares.workers)].prefetch();
          read_module(module.sources(), pair_products_, units, cancel);
          products[static_cast<std::size_t>(i)] = places.with_place([&](ComputingPlace& place) {
            return update_products(module.sources(), units, place.grams, place.executor);
          });
          progress.advance(static_cast<std::int64_t>(module.file_bytes()));
        }
      } catch (...) {
        failed = true;
        throw;
      }
    });
    for (const auto& file : files_) file->check_unchanged();
    return Json::object({{"gram", sum_of(products)}});
  }

 private:
  template <typename SideOf>
  void add(const Field& adapter, int position, SideOf side_of) {
    RequestAdapter opened = open_adapter(adapter);
    bool in_bf16 = true;
    for (const RequestModule& module : opened.modules) {
      std::vector<UnitSource>& side = side_of(module.key);
      side.push_back({module.factors, position, module.scaling});
      in_bf16 = in_bf16 && all_bf16({&side.back(), 1});
    }
    files_.push_back(std::move(opened.file));
    // Floats are read and widened through the system's cache, which reads ahead for them.
    if (in_bf16 && pair_products_) files_.back()->leave_cache();
  }

  Json sum_of(const std::vector<Matrix<double>>& products) const {
    Matrix<double> gram(rows_, cols_);
    for (std::size_t m = 0; m < modules_.size(); ++m) {
      const auto& [left, right] = modules_[m];
      const std::vector<UnitSource>& cols = symmetric_ ? left : right;
      for (std::size_t i = 0; i < left.size(); ++i) {
        for (std::size_t j = 0; j < cols.size(); ++j) {
          gram(left[i].adapter, cols[j].adapter) +=
              products[m](static_cast<std::int64_t>(i), static_cast<std::int64_t>(j));
        }
      }
    }
    Json rows = Json::array();
    for (std::int64_t i = 0; i < gram.rows(); ++i) {
      Json row = Json::array();
      for (std::int64_t j = 0; j < gram.cols(); ++j) row.push(gram(i, j));
      rows.push(std::move(row));
    }
    return rows;
  }

  std::vector<std::unique_ptr<core::SafetensorsReader>> files_;
  std::vector<SharedModule> modules_;
  int rows_ = 0;
  int cols_ = 0;
  bool symmetric_ = false;
  const bool pair_products_ = ops::has_pair_products(core::best_instruction_set());
};

}  // namespace

Json run_compare(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const Field root(request, "");
  return Comparison(root).run(threads_of(root), progress, cancel);
}

}  // namespace amalgam::lora
