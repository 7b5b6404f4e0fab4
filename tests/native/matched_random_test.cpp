// Random numbers in place of adapters: their deviations, names, shapes, and what they follow from.
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "adapter_request.h"
#include "core/random.h"
#include "lora/similarity.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using core::Matrix;
using test::Adapter;

namespace {

/// As torch.std: about the mean, divisor n - 1.
double deviation(const std::vector<const Matrix<float>*>& matrices) {
  double sum = 0;
  double count = 0;
  for (const Matrix<float>* matrix : matrices) {
    for (std::int64_t i = 0; i < matrix->size(); ++i) sum += matrix->data()[i];
    count += static_cast<double>(matrix->size());
  }
  double squares = 0;
  for (const Matrix<float>* matrix : matrices) {
    for (std::int64_t i = 0; i < matrix->size(); ++i) squares += std::pow(matrix->data()[i] - sum / count, 2);
  }
  return std::sqrt(squares / (count - 1));
}

struct Job {
  Json request;
  std::vector<std::string> out_files;
};

Job job_of(const std::vector<Adapter>& adapters, std::int64_t seed, int threads) {
  const std::string folder = test::fresh_folder();
  Job job;
  Json rows = Json::array();
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    Json row = test::adapter_request(adapters[i], folder + "/" + std::to_string(i));
    job.out_files.push_back(folder + "/random-" + std::to_string(i));
    row.set("outFile", job.out_files.back());
    rows.push(std::move(row));
  }
  job.request = Json::object({{"adapters", std::move(rows)}, {"seed", seed}, {"threads", threads}});
  return job;
}

Json run(const Job& job) {
  core::Progress progress;
  const core::CancelToken cancel;
  return lora::run_matched_random(job.request, progress, cancel);
}

/// Factors whose entries have a mean and deviations of their own.
test::Factors shifted(test::Random& random, std::int64_t out, std::int64_t in, std::int64_t rank, float shift) {
  test::Factors factors = test::random_factors(random, out, in, rank, DType::F32);
  for (std::int64_t i = 0; i < factors.a.size(); ++i) factors.a.data()[i] = 0.1f * factors.a.data()[i] + shift;
  for (std::int64_t i = 0; i < factors.b.size(); ++i) factors.b.data()[i] *= 3;
  return factors;
}

std::vector<Adapter> some() {
  test::Random random(31);
  std::vector<Adapter> adapters(3);
  adapters[0].modules["m"] = shifted(random, 300, 500, 8, 2);
  adapters[1].modules["m"] = shifted(random, 300, 500, 5, 2.5f);
  adapters[1].modules["n"] = shifted(random, 400, 200, 4, 0);
  adapters[2].modules["n"] = shifted(random, 400, 200, 16, -1);
  adapters[1].scaling = 7;
  return adapters;
}

}  // namespace

TEST("the deviations told are those of all entries of a module over the adapters that have it") {
  const std::vector<Adapter> adapters = some();
  const Json result = run(job_of(adapters, 1, 2));
  for (const auto& [name, first, second] : {std::tuple("m", 0, 1), std::tuple("n", 1, 2)}) {
    const test::Factors& one = adapters[static_cast<std::size_t>(first)].modules.at(name);
    const test::Factors& other = adapters[static_cast<std::size_t>(second)].modules.at(name);
    const Json& row = test::module_row(result, name);
    CHECK_NEAR(row.get_number("deviationA") / deviation({&one.a, &other.a}), 1, 1e-12);
    CHECK_NEAR(row.get_number("deviationB") / deviation({&one.b, &other.b}), 1, 1e-12);
  }
  CHECK_EQ(result.get_array("modules").size(), std::size_t{2});
}

TEST("the numbers written have mean 0 and the deviations asked for within sampling error, under the names and shapes") {
  const std::vector<Adapter> adapters = some();
  const Job job = job_of(adapters, 5, 2);
  const Json result = run(job);
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const core::SafetensorsReader file(job.out_files[i]);
    CHECK_EQ(file.tensors().size(), 2 * adapters[i].modules.size());
    for (const auto& [name, factors] : adapters[i].modules) {
      const Json& row = test::module_row(result, name);
      for (const auto& [tensor, shape, expected] :
           {std::tuple(test::a_name(name), &factors.a, row.get_number("deviationA")),
            std::tuple(test::b_name(name), &factors.b, row.get_number("deviationB"))}) {
        CHECK(file.at(tensor).dtype == DType::F32);
        const Matrix<float> written = test::read_matrix(file, tensor);
        CHECK_EQ(written.rows(), shape->rows());
        CHECK_EQ(written.cols(), shape->cols());
        const auto count = static_cast<double>(written.size());
        double sum = 0;
        for (std::int64_t k = 0; k < written.size(); ++k) sum += written.data()[k];
        CHECK_NEAR(deviation({&written}) / expected, 1, 4 / std::sqrt(2 * count));
        CHECK_NEAR(sum / count / expected, 0, 4 / std::sqrt(count));
      }
    }
  }
}

TEST("a number is the deviation times the normal number of its seed, factor, adapter, module and place") {
  const std::vector<Adapter> adapters = some();
  const Job job = job_of(adapters, 9, 3);
  const Json result = run(job);
  const core::SafetensorsReader file(job.out_files[1]);
  const Matrix<float> written = test::read_matrix(file, test::b_name("n"));
  const core::RandomStream stream(9, "matched-random B 1 n");
  const double expected = test::module_row(result, "n").get_number("deviationB");
  for (std::int64_t i = 0; i < written.size(); ++i) {
    CHECK_EQ(written.data()[i], static_cast<float>(expected * stream.normal_at(static_cast<std::uint64_t>(i))));
  }
}

TEST("the bytes do not depend on the threads; another seed gives other numbers of the same deviations") {
  const std::vector<Adapter> adapters = some();
  const auto bytes_of = [](const Job& job) {
    std::string all;
    for (const std::string& path : job.out_files) all += test::content_hash(path) + " ";
    return all;
  };
  const Job one = job_of(adapters, 3, 1);
  const Job many = job_of(adapters, 3, 5);
  const Job other = job_of(adapters, 4, 1);
  const std::string deviations = run(one).dump();
  CHECK_EQ(run(many).dump(), deviations);
  CHECK_EQ(run(other).dump(), deviations);
  CHECK_EQ(bytes_of(many), bytes_of(one));
  CHECK(bytes_of(other) != bytes_of(one));
}

TEST("factors that are 0, or a single entry, become 0") {
  std::vector<Adapter> adapters(1);
  adapters[0].modules["m"] = {Matrix<float>(1, 1), Matrix<float>(4, 1)};
  adapters[0].modules["m"].a(0, 0) = 3;
  const Job job = job_of(adapters, 1, 1);
  const Json row = run(job).get_array("modules")[0];
  CHECK_EQ(row.get_number("deviationA"), 0.0);
  CHECK_EQ(row.get_number("deviationB"), 0.0);
  const core::SafetensorsReader file(job.out_files[0]);
  CHECK_EQ(test::read_matrix(file, test::a_name("m"))(0, 0), 0.0f);
}

TEST("what cannot be read or written is refused, and no file stays behind") {
  std::vector<Adapter> adapters = some();
  adapters[2].modules["n"].a(3, 3) = 777.0f;
  const Job job = job_of(adapters, 1, 2);
  test::replace_float(job.request.get_array("adapters")[2].get_string("weightsFile"), 777.0f, INFINITY);
  CHECK_EQ(CHECK_ERROR("not-finite", run(job)).tensor, test::a_name("n"));
  const Job there = job_of(some(), 1, 2);
  test::write_adapter(there.out_files[2], adapters[1]);
  CHECK_ERROR("write-failed", run(there));
  for (const std::string& path : {job.out_files[0], job.out_files[2], there.out_files[0], there.out_files[1]}) {
    CHECK(!std::filesystem::exists(path));
  }
  CHECK(std::filesystem::exists(there.out_files[2]));
}

TEST("progress ends at the modules of the last stage, and a cancelled job leaves nothing") {
  const Job job = job_of(some(), 1, 2);
  core::Progress progress;
  core::CancelToken cancel;
  lora::run_matched_random(job.request, progress, cancel);
  CHECK_EQ(progress.report().stage, std::string("writing"));
  CHECK_EQ(progress.report().done, std::int64_t{2});
  const Job stopped = job_of(some(), 1, 2);
  cancel.request();
  CHECK_ERROR("cancelled", lora::run_matched_random(stopped.request, progress, cancel));
  CHECK(!std::filesystem::exists(stopped.out_files[0]));
}
