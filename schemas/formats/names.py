"""The names of the formats."""

from enum import StrEnum


class FormatName(StrEnum):
    """In which form a webhook gets its events."""

    ACR = "acr"
    CLOUDEVENTS = "cloudevents"
    EVENTGRID = "eventgrid"
    DISTRIBUTION = "distribution"
    HARBOR = "harbor"
    DOCKERHUB = "dockerhub"
    GHCR = "ghcr"
    QUAY = "quay"
    CDEVENTS = "cdevents"
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    GOOGLE_CHAT = "google-chat"
    MATTERMOST = "mattermost"
    TEMPLATE = "template"
