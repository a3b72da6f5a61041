//! Who may do what.

use crate::{
    house::{House, Setup},
    recording::cameras,
};

#[test]
fn the_tree_is_the_administrators() {
    let cameras = cameras(1);
    let house = House::start(&Setup::of(&cameras));
    house.add_user("guard", "ordinary");
    house.wait_recording("cam0", "main");
    for path in [
        "/api/v1/cameras",
        "/api/v1/recordings?camera=cam0",
        "/api/v1/system/info",
        "/metrics",
    ] {
        assert_eq!(house.get_as("guard", path).status, 200, "{path}");
    }
    let refused = house.get_as("guard", "/api/v1/system/tree");
    assert_eq!((refused.status, &refused.json()["code"]), (403, &"forbidden".into()));
    assert_eq!(house.get("/api/v1/system/tree").status, 200);
    assert_eq!(house.get_as("nobody", "/api/v1/cameras").status, 401);
}
