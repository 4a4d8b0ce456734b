declare module "virtual:districts" {
  const text: string;
  export default text;
}
