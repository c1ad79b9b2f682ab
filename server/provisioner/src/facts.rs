//! What scripts find out about a server, by `::fact KEY VALUE`, as its record keeps it.

use domain::entities::server;
use domain::{Survey, firewall, provisioning, scheduler};
use wire::provisioning::Software;

use crate::output::{Reader, Said};

/// As much of an answer is read; it is a handful of lines.
const LONGEST_ANSWER: usize = 64 * 1024;
const LONGEST_OS: usize = 100;

/// Notes a fact in a server's record; those that only the page's summary shows are left out.
pub fn note(server: &mut server::Model, (key, value): &(String, String)) {
    let yes = matches!(value.as_str(), "yes" | "true" | "1");
    match key.as_str() {
        "os" => server.os = Some(os(value)),
        "sshd_ports" => firewall::note_sshd_ports(server, value),
        "firewall_installed" => server.firewall_installed = Some(yes),
        "firewall_enabled" => server.firewall_enabled = Some(yes),
        "reboot_required" => server.reboot_required = Some(yes),
        "time_zone" if scheduler::is_zone(value) => server.time_zone = Some(value.clone()),
        "scheduler_running" => server.scheduler_running = Some(yes),
        "php_offered" => provisioning::note_php_offered(server, value),
        key => {
            let software = key.strip_prefix("version_").and_then(Software::parse);
            if let Some(software) = software
                && let Err(error) = provisioning::note_installed(server, software, value)
            {
                tracing::error!(server = server.id, %error, "could not note a version");
            }
        }
    }
}

/// Reads the answer to `provisioning::SURVEY`.
pub(crate) fn survey(printed: &[u8]) -> Survey {
    let mut reader = Reader::default();
    let mut said = reader.read(&printed[..printed.len().min(LONGEST_ANSWER)]);
    said.extend(reader.end());
    let mut survey = Survey::default();
    for said in said {
        match said {
            Said::Fact { key, value } if key == "os" => survey.os = Some(os(&value)),
            Said::Fact { key, value } if key == "php_offered" => survey.php_offered = value,
            Said::Fact { .. } | Said::Text(_) | Said::Summary(_) | Said::Error(_) => {}
        }
    }
    survey
}

fn os(text: &str) -> String {
    text.chars().take(LONGEST_OS).collect()
}

#[cfg(test)]
mod tests {
    use super::survey;

    #[test]
    fn a_survey_is_read_from_facts_and_nothing_else() {
        let survey = survey(b"motd\n::fact os Debian 12.11\n::fact php_offered 8.2 8.4\n");
        assert_eq!(survey.os.as_deref(), Some("Debian 12.11"));
        assert_eq!(survey.php_offered, "8.2 8.4");
        assert_eq!(super::survey(b"\xff\0").php_offered, "");
    }
}
