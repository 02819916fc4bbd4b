import pytest

from service.api.foreign import error_text, openai_error, shape_of, status_of

SHAPES = {
    "/generate": None,
    "/v2x": None,
    "/v1": None,
    "/models": None,
    "/v2": error_text,
    "/v2/anything": error_text,
    "/v1/models": openai_error,
    "/v1/models/tiny": openai_error,
    "/v1/images/generations": openai_error,
    "/v1/chat/completions": openai_error,
    "/v1/models/tiny:predict": error_text,
    "/v1/models/tiny/metadata": error_text,
    "/v1/models/tiny/versions/1:predict": error_text,
}


@pytest.mark.parametrize("path", SHAPES)
def test_each_path_has_the_errors_of_its_protocol(path: str) -> None:
    assert shape_of(path) is SHAPES[path]


def test_a_wrong_request_is_400_and_other_statuses_stay() -> None:
    assert [status_of(status) for status in (404, 413, 415, 422, 500, 503, 504)] == [404, 413, 415, 400, 500, 503, 504]


def test_an_error_of_openai_names_the_parameter_and_who_is_to_blame() -> None:
    assert openai_error(400, "invalid-parameter", "why", "size") == {
        "error": {"message": "why", "type": "invalid_request_error", "param": "size", "code": "invalid_value"}
    }
    assert openai_error(503, "not-ready", "why", None) == {
        "error": {"message": "why", "type": "server_error", "param": None, "code": "not_ready"}
    }
