// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of the host as tensors on a device.
#pragma once
#include <ATen/Functions.h>
#include <algorithm>
#include <span>
#include <vector>

namespace engine::device {

/// Memory of the host that a device copies from and to without waiting (pinned where that means something).
inline at::Tensor hostBuffer(at::IntArrayRef shape, at::ScalarType type, at::Device device) {
    return at::empty(shape, at::TensorOptions(type).pinned_memory(!device.is_cpu()));
}

/// The numbers [n] on the device; the copy may still be under way, in the order of the device's work.
template <class T> at::Tensor uploaded(std::span<const T> numbers, at::Device device) {
    const at::Tensor host = hostBuffer({static_cast<std::int64_t>(numbers.size())}, c10::CppTypeToScalarType<T>::value, device);
    std::copy(numbers.begin(), numbers.end(), host.template data_ptr<T>());
    return host.to(device, /*non_blocking=*/true);
}
template <class T> at::Tensor uploaded(const std::vector<T>& numbers, at::Device device) {
    return uploaded(std::span<const T>(numbers), device);
}

} // namespace engine::device
