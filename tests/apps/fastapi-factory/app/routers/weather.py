from fastapi import APIRouter

router = APIRouter()


@router.get("/{town}")
def read(town: str) -> dict[str, str]:
    return {"town": town, "weather": "sunny"}
