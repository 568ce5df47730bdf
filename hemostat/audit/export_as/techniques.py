"""The MITRE ATLAS techniques that playbooks name: content 2026.09.

ATLAS data (c) MITRE, Apache-2.0 (github.com/mitre-atlas/atlas-data, dist/v6/ATLAS-2026.09.yaml). Of
several tactics the first is given; a case study may be about another one, which a person judges.
"""

from dataclasses import dataclass
from typing import Final

ATLAS_VERSION: Final = "2026.09"


@dataclass(frozen=True)
class Technique:
    """One technique and a tactic that it serves."""

    id: str
    name: str
    tactic: str
    tactic_name: str

    @property
    def url(self) -> str:
        """Where MITRE describes it."""
        return f"https://atlas.mitre.org/techniques/{self.id}"


TECHNIQUES: Final = {
    "AML.T0012": Technique("AML.T0012", "Valid Accounts", "AML.TA0004", "Initial Access"),
    "AML.T0015": Technique("AML.T0015", "Evade AI Model", "AML.TA0004", "Initial Access"),
    "AML.T0018.000": Technique(
        "AML.T0018.000", "Poison AI Model", "AML.TA0001", "AI Attack Adaptation"
    ),
    "AML.T0020": Technique("AML.T0020", "Training Data Poisoning", "AML.TA0006", "Persistence"),
    "AML.T0024": Technique(
        "AML.T0024", "Exfiltration via AI Inference API", "AML.TA0010", "Exfiltration"
    ),
    "AML.T0031": Technique("AML.T0031", "Erode AI Model Integrity", "AML.TA0011", "Impact"),
    "AML.T0036": Technique(
        "AML.T0036", "Data from Information Repositories", "AML.TA0009", "Collection"
    ),
    "AML.T0040": Technique(
        "AML.T0040", "AI Model Inference API Access", "AML.TA0000", "AI Model Access"
    ),
    "AML.T0042": Technique("AML.T0042", "Verify Attack", "AML.TA0001", "AI Attack Adaptation"),
    "AML.T0043": Technique(
        "AML.T0043", "Craft Adversarial Data", "AML.TA0001", "AI Attack Adaptation"
    ),
    "AML.T0046": Technique(
        "AML.T0046", "Spamming AI System with Chaff Data", "AML.TA0011", "Impact"
    ),
    "AML.T0048.003": Technique("AML.T0048.003", "User Harm", "AML.TA0011", "Impact"),
    "AML.T0051.000": Technique("AML.T0051.000", "Direct", "AML.TA0005", "Execution"),
    "AML.T0057": Technique("AML.T0057", "LLM Data Leakage", "AML.TA0010", "Exfiltration"),
    "AML.T0059": Technique("AML.T0059", "Erode Dataset Integrity", "AML.TA0011", "Impact"),
    "AML.T0085.000": Technique("AML.T0085.000", "RAG Databases", "AML.TA0009", "Collection"),
}
"""By id."""
