// lock_client SCENE: plays a scene of processes that want the card, inside a stack with a witness card. Exits
// with 0 when the scene went as it must, and prints what the witness counted.

#include "lock_stage.hpp"

#include <iostream>

using namespace cardlatch::test;

int main(int argc, char** argv) {
    auto scenes = waiting_scenes();
    scenes.merge(loss_scenes());
    const auto scene = scenes.find(argc == 2 ? argv[1] : "");
    must(scene != scenes.end(), "no such scene");
    scene->second();
    std::cout << "interleavings " << report().interleavings << std::endl;
}
