//! A recorder that nobody owns yet, set up by its pages alone in a real browser.

use crate::{
    house::{House, MailServer, PASSWORD, PATIENCE, Setup, browser, shown, visit, wait_for},
    snapshots::numbered,
};

/// By the pages of one width, on a recorder of its own.
fn set_up(width: &str) {
    let (cameras, mails) = (numbered(2), MailServer::start(&[]));
    let ownerless = Setup {
        user: false,
        ..Setup::default()
    };
    let mut house = House::prepare(&ownerless, None);
    house.run();
    let link = wait_for("the printed link", PATIENCE, || {
        let log = house.log();
        let line = log.lines().find(|line| line.starts_with("set up http://"))?;
        Some(line.trim_start_matches("set up ").to_owned())
    });
    let sources: Vec<String> = cameras.names().map(|name| cameras.url(name, "main")).collect();
    let more = [
        ("VIGIE_LINK", link),
        ("VIGIE_SOURCES", sources.join(",")),
        ("VIGIE_MAIL", format!("127.0.0.1:{}", mails.port)),
        ("VIGIE_WIDTH", width.to_owned()),
    ];
    // Name and password are chosen there.
    let (seen, content) = visit("first_day.mjs", house.http(), "", PASSWORD, &more);
    let steps = seen.lines().count();
    shown(
        1,
        &format!(
            "set-up link, first steps, camera with Test, wall, preset, rule, user of one camera, sign-out in {} at {width} px: {steps} parts",
            browser()
        ),
        content && steps == 5,
    );
    let mail = wait_for("the mail of the rule", PATIENCE, || mails.mails().into_iter().next());
    shown(
        1,
        &format!("the rule made there mailed {} at {width} px, in {}", mail.to, browser()),
        mail.to == "ann@example.org" && mail.text.contains("the bell of the first day"),
    );
    // And the file says what was saved.
    let text = std::fs::read_to_string(&house.config).unwrap();
    assert!(text.contains(&sources[0]) && text.contains("Asia/Jakarta"), "{text}");
}

#[test]
fn an_owner_sets_up_a_recorder_on_a_desktop() {
    set_up("1440");
}

#[test]
fn an_owner_sets_up_a_recorder_on_a_phone() {
    set_up("390");
}
