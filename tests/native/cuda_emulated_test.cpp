// The CUDA device with its kernels running on the processor, thread by thread: their arithmetic and their indexing, where no
// graphics card is. cuda_ops_test.cpp runs the same checks on a card.
#include <cstdlib>

#include "operator_checks.h"
#include "ops/cuda/cublas_library.h"
#include "ops/cuda/cuda_device.h"

using namespace amalgam;
using namespace amalgam::test;

extern "C" const AmalgamBackend* amalgam_backend_entry(void);

namespace {

const core::CancelToken never;

/// The emulated card with the kernel of our own, and with the library in cuBLAS's place.
template <typename Check>
void on_both(Check check) {
  const auto own = ops::open_cuda_device(*amalgam_backend_entry(), nullptr, 0, never);
  check(*own);
  const ops::CublasLibrary cublas = ops::open_cublas({FAKE_CUBLAS_DIR "/libcublas.so.13"});
  CHECK_EQ(cublas.reason, "");
  const auto with_cublas = ops::open_cuda_device(*amalgam_backend_entry(), &cublas.functions, 0, never);
  check(*with_cublas);
}

constexpr double rounded_once = 4e-3;   // a result stored as bfloat16
constexpr double rounded_often = 1e-2;  // with bfloat16 numbers on the way

}  // namespace

TEST("emulated: embedding") { on_both([](ops::Device& device) { check_embed(device); }); }
TEST("emulated: norms") {
  on_both([](ops::Device& device) { check_rms_norm(device, rounded_once); });
}
TEST("emulated: linear layers") {
  on_both([](ops::Device& device) { check_linear(device, rounded_once); });
}
TEST("emulated: sums and biases") {
  on_both([](ops::Device& device) { check_sums(device, rounded_once); });
}
TEST("emulated: rank units") {
  on_both([](ops::Device& device) { check_add_units(device, rounded_often); });
}
TEST("emulated: rotary positions") {
  on_both([](ops::Device& device) { check_rope(device, rounded_once); });
}
TEST("emulated: attention") {
  on_both([](ops::Device& device) { check_attention(device, rounded_often); });
}
TEST("emulated: kept keys") { on_both([](ops::Device& device) { check_keep_keys(device); }); }
TEST("emulated: gated units") {
  on_both([](ops::Device& device) { check_swiglu(device, rounded_once); });
}
TEST("emulated: choices of tokens") {
  on_both([](ops::Device& device) { check_token_choices(device, 1e-4); });
}
TEST("emulated: ties and logits that are not finite") {
  on_both([](ops::Device& device) { check_token_choices_at_the_edges(device); });
}
